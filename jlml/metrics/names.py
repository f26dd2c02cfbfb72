"""Names of logged metrics: split/quantity, for example test/nll."""

from collections.abc import Mapping
from typing import Literal, TypeVar

Split = Literal["train", "val", "test"]
Value = TypeVar("Value")


def named(split: Split, values: Mapping[str, Value]) -> dict[str, Value]:
    """Adds the split to the names of quantities: ``{"nll": 97.1}`` becomes ``{"test/nll": 97.1}``."""
    return {f"{split}/{quantity}": value for quantity, value in values.items()}


MONITOR = "val/loss"  # for the best checkpoint, early stopping and the plateau scheduler
EPOCH_LOSS = "train/epoch_loss"  # mean over all images of an epoch, during its training
EPOCH_SPEED = "train/images_per_second"
LEARNING_RATE = "train/lr"
