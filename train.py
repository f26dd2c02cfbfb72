"""Trains an autoencoder: ``python train.py model=vae loss=cont_bern``. See --help."""

import sys
from functools import partial

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from jlml.cli import door, importing, is_sweep, one_sentence


@hydra.main(config_path="conf", config_name="train", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Trains, then says where the run is and how good."""
    # imports wait until --help and --cfg have been answered, and that of torch until the config is right
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


if __name__ == "__main__":
    if is_sweep(sys.argv[1:]):
        from jlml.sweeps import sweep

        door(partial(sweep, main))
    else:
        door(main)
