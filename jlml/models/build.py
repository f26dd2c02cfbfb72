"""From a config to a model."""

from collections.abc import Mapping
from typing import Any

from jlml.config import make
from jlml.losses import ObservationModel
from jlml.models.base import Autoencoder


def build_model(config: Mapping[str, Any], image_shape: tuple[int, int, int]) -> Autoencoder:
    """The untrained model of a run's plain config, for images of this (channels, height, width).

    It carries the config and the shape, so that its checkpoints can rebuild it.
    """
    loss: ObservationModel = make(config["loss"], "loss")
    model: Autoencoder = make(
        config["model"],
        "model",
        image_shape=image_shape,
        latent_dim=config["latent"]["dim"],
        loss=loss,
        optimizer=make(config["optimizer"], "optimizer"),
        scheduler=make(config["scheduler"], "scheduler") if config.get("scheduler") else None,
        seed=config["seed"],
    )
    model.config = {**config, "image_shape": list(image_shape)}
    return model
