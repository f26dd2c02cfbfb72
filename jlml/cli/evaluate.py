"""The command `evaluate.py`, also installed as `jlml-evaluate`."""

from typing import TYPE_CHECKING

from jlml.cli.command import one_sentence, run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run(cfg: "DictConfig") -> None:
    """Evaluates one run, or compares several, and prints where the results are."""
    from jlml.speed.startup import importing

    with one_sentence():
        with importing():  # not earlier, because --help and --cfg do not need it
            from jlml.cli.evaluated import show
            from jlml.evaluation.entry import evaluate

        show(evaluate(cfg))


def main() -> None:
    """Runs the command."""
    run_command(run, "evaluate")
