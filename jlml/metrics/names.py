"""What metrics are called: a split, a slash, a quantity. Written here and nowhere else."""

from collections.abc import Mapping
from typing import Literal, TypeVar

Split = Literal["train", "val", "test"]
Value = TypeVar("Value")


def named(split: Split, values: Mapping[str, Value]) -> dict[str, Value]:
    """``{"nll": 97.1}`` of the test split becomes ``{"test/nll": 97.1}``."""
    return {f"{split}/{quantity}": value for quantity, value in values.items()}


MONITOR = "val/loss"  # what chooses the best checkpoint, stops early and lowers the learning rate
EPOCH_SPEED = "train/images_per_second"
LEARNING_RATE = "train/lr"
