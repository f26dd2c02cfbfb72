"""From a config to a model."""

from collections.abc import Mapping
from typing import Any

from jlml.config import make
from jlml.errors import UserError
from jlml.losses import ObservationModel
from jlml.models.base import Autoencoder


def build_model(config: Mapping[str, Any], image_shape: tuple[int, int, int]) -> Autoencoder:
    """The untrained model of a run's plain config, for images of this (channels, height, width).

    It carries the config and the shape, so that its checkpoints can rebuild it.
    """
    loss = make(config["loss"], "loss")
    if not isinstance(loss, ObservationModel):
        raise UserError(f"loss._target_={config['loss']['_target_']} does not derive from ObservationModel.")
    model = make(
        config["model"],
        "model",
        image_shape=image_shape,
        latent_dim=config["latent"]["dim"],
        loss=loss,
        optimizer=make(config["optimizer"], "optimizer"),
        scheduler=make(config["scheduler"], "scheduler") if config.get("scheduler") else None,
        seed=config["seed"],
    )
    if not isinstance(model, Autoencoder):
        raise UserError(f"model._target_={config['model']['_target_']} does not derive from Autoencoder.")
    model.config = {**config, "image_shape": list(image_shape)}
    return model
