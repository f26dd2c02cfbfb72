"""Builds the data module and the untrained model of a config."""

from collections.abc import Mapping
from typing import Any

from jlml.config import Config, make
from jlml.data import ImageDataModule
from jlml.errors import UserError
from jlml.losses import ObservationModel
from jlml.models import Autoencoder


def build_data(config: Config) -> ImageDataModule:
    """Builds the data module of a plain config, without reading the data.

    Raises:
        UserError: the class is not an `ImageDataModule`, or rejects its options.
    """
    data = make(config["data"], "data")
    if not isinstance(data, ImageDataModule):
        raise UserError(f"data._target_={config['data']['_target_']} does not derive from ImageDataModule.")
    return data


def build_model(config: Mapping[str, Any], image_shape: tuple[int, int, int]) -> Autoencoder:
    """Builds the untrained model of a plain config.

    Args:
        config: config of a run.
        image_shape: (channels, height, width) of its images.

    Raises:
        UserError: a class has the wrong base class, or rejects its options.
    """
    loss = make(config["loss"], "loss")
    if not isinstance(loss, ObservationModel):
        raise UserError(f"loss._target_={config['loss']['_target_']} does not derive from ObservationModel.")
    scheduler = dict(config.get("scheduler") or {})
    interval = scheduler.pop("interval", None)
    model = make(
        config["model"],
        "model",
        image_shape=image_shape,
        latent_dim=config["latent"]["dim"],
        loss=loss,
        optimizer=make(config["optimizer"], "optimizer"),
        scheduler=make(scheduler, "scheduler") if scheduler else None,
        seed=config["seed"],
        **({} if interval is None else {"scheduler_interval": interval}),
    )
    if not isinstance(model, Autoencoder):
        raise UserError(f"model._target_={config['model']['_target_']} does not derive from Autoencoder.")
    return model
