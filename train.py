"""Trains an autoencoder: ``python train.py model=vae loss=cont_bern``. See --help."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jlml.cli import door, importing, one_sentence

if TYPE_CHECKING:
    from omegaconf import DictConfig

# imports wait: Hydra's for a question whose answer is not kept, and torch's until the config is right


def main(cfg: "DictConfig") -> None:
    """Trains, then says where the run is and how good."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from jlml.config import check, plain, with_choices

    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.MULTIRUN:
        from jlml.sweeps import run_job

        run_job(with_choices(cfg, hydra_config), hydra_config)
        return
    with one_sentence():
        cfg = with_choices(cfg, hydra_config)
        check(plain(cfg))
        if "search" in cfg and cfg.resume is None:
            with importing():
                from jlml.search import search, show_found

            show_found(search(cfg))
            return

        with importing():
            from jlml.report import show_trained
            from jlml.resume import resume
            from jlml.training import train

        again, words = cfg.resume, hydra_config.overrides.task
        trained = train(cfg) if again is None else resume(str(again), words, cfg.trust)
        if trained.trainer.is_global_zero:  # of several processes one speaks
            show_trained(trained)


def sweep(app: Callable[[], None]) -> None:
    """Runs every combination of the command line's values, each by the app."""
    from jlml.sweeps import sweep

    sweep(app)


if __name__ == "__main__":
    door(main, "train", sweep)
