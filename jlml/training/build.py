"""Builds the model and the data of a config, as `train.py` trains them."""

import torch
from lightning import seed_everything
from omegaconf import DictConfig

from jlml.config import Config, check, composed
from jlml.data import ImageDataModule
from jlml.errors import UserError
from jlml.models import Autoencoder
from jlml.runs import build_data, build_model

COMMAND_KEYS = ("sweep", "resume", "trust", "search")  # belong to a command, not to the config of a run


def build(*config: DictConfig | str) -> tuple[Autoencoder, ImageDataModule]:
    """An untrained model and its data, seeded as in `train.py` and with the same learning rate schedule.

    ``lightning.Trainer(max_epochs=20).fit(model, datamodule=data)`` then gives the same weights as
    ``jlml.train(...)`` with 20 epochs.

    Args:
        config: a composed config, or overrides such as ``"model=vae", "loss=bce"``.

    Raises:
        UserError: the config or the data are invalid.
    """
    return build_from(run_config(*config))


def run_config(*config: DictConfig | str) -> Config:
    """The plain, checked config of a run, from a composed config or overrides.

    Raises:
        UserError: the config is invalid, or describes many runs.
    """
    plain_config = composed(config)
    check(plain_config)
    if plain_config.get("search"):
        raise UserError("search=... trains many runs: use python train.py, or jlml.search.search(config).")
    return {key: value for key, value in plain_config.items() if key not in COMMAND_KEYS}


def build_from(config: Config) -> tuple[Autoencoder, ImageDataModule]:
    """The model and data of a checked config. Adds the loaded data set and the image shape to the config."""
    if config.get("threads"):
        torch.set_num_threads(config["threads"])
    seed_everything(config["seed"], verbose=False)
    data = build_data(config)
    data.setup()
    config["data"] |= {"name": data.source.name, "fallback": False}  # mnist_5k if the fallback was used
    config["image_shape"] = list(data.image_shape)
    return build_model(config, data.image_shape), data
