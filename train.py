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
        from jlml.config import check, plain, with_choices
        from jlml.errors import UserError

        hydra_config = HydraConfig.get()
        cfg = with_choices(cfg, hydra_config)
        check(plain(cfg))
        in_sweep = hydra_config.mode == RunMode.MULTIRUN

        if "search" in cfg:
            if in_sweep:
                raise UserError("search=... is many runs already: leave -m out.")
            from jlml.search import search, show_found

            show_found(search(cfg))
            return

        from jlml.report import show_trained
        from jlml.training import train

        parent = Path(hydra_config.sweep.dir) if in_sweep else None
        show_trained(train(cfg, parent))


if __name__ == "__main__":
    door(main)
