"""Trains an autoencoder: ``python train.py model=vae loss=cont_bern``. See --help."""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from jlml.cli import door, one_sentence


@hydra.main(config_path="conf", config_name="train", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Trains, then says where the run is and how good."""
    with one_sentence():
        # imports wait until --help and --cfg have been answered, and that of torch until the config is right
        from jlml.config import check, check_job, plain, with_choices

        hydra_config = HydraConfig.get()
        cfg = with_choices(cfg, hydra_config)
        check(plain(cfg))
        in_sweep = hydra_config.mode == RunMode.MULTIRUN
        if in_sweep:
            check_job(plain(cfg))

        from jlml.report import show_trained
        from jlml.training import train

        parent = Path(hydra_config.sweep.dir) if in_sweep else None
        trained = train(cfg, parent)
        if trained.trainer.is_global_zero:  # of several processes one speaks
            show_trained(trained)


if __name__ == "__main__":
    door(main)
