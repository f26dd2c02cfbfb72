"""The command `evaluate.py`, also installed as `jlml-evaluate`."""

from typing import TYPE_CHECKING

from jlml.cli.command import one_sentence, run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run(cfg: "DictConfig") -> None:
    """Evaluates one run, or compares several, and prints where the results are."""
    from jlml.cli.announce import announce, evaluation_in_words
    from jlml.config import check_evaluation, plain
    from jlml.config.schema import OUTPUTS
    from jlml.runs.finding import found_run
    from jlml.speed.startup import importing

    with one_sentence():
        config = plain(cfg)
        check_evaluation(config)
        folder = None if cfg.run is None else found_run(cfg.run, cfg.output_dir or OUTPUTS)
        if folder or config["runs"] or config["sweep"]:
            announce(evaluation_in_words(config, folder))
        with importing():  # not earlier, because --help and mistakes do not need it
            from jlml.cli.evaluated import show
            from jlml.evaluation.entry import evaluate

        show(evaluate(cfg))


def main() -> None:
    """Runs the command."""
    run_command(run, "evaluate")
