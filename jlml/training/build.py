"""Builds the model and the data of a config, as `train.py` trains them."""

import torch
from lightning import seed_everything
from omegaconf import DictConfig
from torch import nn

from jlml.config import Config, check, composed
from jlml.data import ImageDataModule
from jlml.errors import UserError
from jlml.models import Autoencoder
from jlml.runs import build_data, build_model
from jlml.runs.data_root import check_same_data

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
    check_same_data(config, data)
    record_data(config, data)
    config["image_shape"] = list(data.image_shape)
    set_schedule_length(config, len(data.train_dataloader()))
    model = build_model(config, data.image_shape)
    check_last_batch(model, data)
    return model, data


def record_data(config: Config, data: ImageDataModule) -> None:
    """Adds the data set in use to a config: its name, and its fingerprint unless the name determines it."""
    config["data"] |= {"name": data.source.name}  # mnist_5k if the fallback was used
    if "fallback" in config["data"]:
        config["data"] |= {"fallback": False}
    if not data.is_verified:
        config["data_fingerprint"] = data.source.fingerprint


def set_schedule_length(config: Config, batches: int) -> None:
    """Tells a schedule that needs to know its end, such as one_cycle, how often it will step.

    Args:
        config: config of the run; changed in place, so that the run folder records the number.
        batches: training batches of an epoch.

    Raises:
        UserError: the config names a smaller number.
    """
    scheduler, trainer = config.get("scheduler") or {}, config["trainer"]
    if "total_steps" not in scheduler:
        return
    limit = trainer.get("limit_train_batches", 1.0)  # as in Lightning, a number or a fraction
    per_epoch = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    needed = trainer["max_epochs"] * (per_epoch if scheduler.get("interval") == "step" else 1)
    total = needed if scheduler["total_steps"] is None else scheduler["total_steps"]
    if total < needed:
        raise UserError(f"scheduler.total_steps={total} is less than the {needed} of this run. Leave it out.")
    config["scheduler"] = {**scheduler, "total_steps": total}


def check_last_batch(model: Autoencoder, data: ImageDataModule) -> None:
    """Refuses a batch of one image for batch norm in fully connected layers, which needs a variance.

    Raises:
        UserError: with the size of the last batch.
    """
    images, batch_size = len(data.train_images), data.batch_size
    of_vectors = any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
    if of_vectors and (batch_size == 1 or images % batch_size == 1):
        raise UserError(
            f"data.batch_size={batch_size} leaves one of {images} images for the last batch of an epoch. "
            "Batch norm between fully connected layers needs two. Use another batch size, or model.norm=none."
        )
