"""The command `train.py`, also installed as `jlml-train`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jlml.cli.command import one_sentence, run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig

# Functions import what they need: torch is imported only after the config is checked.


def run(cfg: "DictConfig") -> None:
    """Trains, searches or resumes, then prints the results."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from jlml.cli.announce import announce, training_in_words
    from jlml.config import check, plain, with_choices
    from jlml.runs.finding import found_run
    from jlml.speed.startup import importing

    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.MULTIRUN:
        from jlml.sweeps import run_job

        run_job(with_choices(cfg, hydra_config), hydra_config)
        return
    with one_sentence():
        cfg = with_choices(cfg, hydra_config)
        config = plain(cfg)
        check(config)
        if "search" in cfg and cfg.resume is None:
            announce(training_in_words(config, verb="Searching for values of"))
            with importing():
                from jlml.cli.found import show_found
                from jlml.search import search

            show_found(search(cfg))
            return

        folder = None if cfg.resume is None else found_run(cfg.resume, cfg.output_dir)
        announce(training_in_words(config) if folder is None else f"Resuming {folder}")
        with importing():
            from jlml.cli.trained import show_trained
            from jlml.training.resume import resume
            from jlml.training.train import train

        overrides = hydra_config.overrides.task
        trained = train(cfg) if folder is None else resume(folder, overrides, cfg.trust)
        if trained.trainer.is_global_zero:  # only rank zero prints
            show_trained(trained)


def sweep(app: Callable[[], None]) -> None:
    """Runs a sweep with the app, and prints the results."""
    from jlml.sweeps import sweep as run_sweep

    swept = run_sweep(app)
    from jlml.cli.swept import show_swept  # not earlier, because it imports scipy, which jobs do not need

    show_swept(swept)


def main() -> None:
    """Runs the command."""
    run_command(run, "train", sweep)
