"""Batches from tensors in memory, without Python code per image or worker processes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Generator, Tensor

from jlml.data.pixels import TREATMENTS
from jlml.shapes import Images, Labels

SPLIT, TRAINING, VALIDATION, TEST, TRAINING_ONCE = range(5)  # purposes of random numbers

Batch = tuple[Images, Labels]


def generator_for(seed: int, *purpose: int, device: torch.device | str = "cpu") -> Generator:
    """A random generator for one purpose and epoch. It does not depend on earlier draws."""
    state = np.random.SeedSequence([seed, *purpose]).generate_state(1, np.uint64)[0]
    return Generator(device).manual_seed(int(state >> np.uint64(1)))


@dataclass
class TrainingBatches:
    """Shuffled batches of training images. Order and pixel noise depend only on the seed, the epoch and the
    device.

    At the start of an epoch, ``epoch`` returns its number, and ``done`` the number of batches to skip because
    the resumed run has already used them. The remaining batches are the same as without the interruption.
    """

    images: Tensor  # uint8 (N, C, H, W), on the training device
    labels: Labels  # on the same device
    batch_size: int
    pixels: str
    seed: int
    epoch: Callable[[], int]
    done: Callable[[], int] = lambda: 0

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        epoch, done = self.epoch(), self.done()
        generator = generator_for(self.seed, TRAINING, epoch)
        treat, device = TREATMENTS[self.pixels], self.images.device
        order = torch.randperm(len(self.images), generator=generator).to(device)
        if device.type != "cpu":  # pixel noise is drawn on the images' device, so it differs from a CPU's
            generator = generator_for(self.seed, TRAINING, epoch, device=device)
        rows, shape = self.images.flatten(1), self.images.shape[1:]
        for number, index in enumerate(order.split(self.batch_size)):
            # copying whole rows is three times as fast as self.images[index]
            chosen = rows.index_select(0, index).unflatten(1, shape)
            images = treat(chosen, generator)  # also for skipped batches, which advances the generator
            if number >= done:
                yield images, self.labels.index_select(0, index)

    def state_dict(self) -> dict[str, Any]:
        """Empty, because the trainer counts the batches. It marks the loader as resumable for Lightning."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to load."""


@dataclass
class EvaluationBatches:
    """Batches in stored order, the same in every pass."""

    images: Tensor  # uint8, or float32 if the pixels are random draws
    labels: Labels
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        batches = self.images.split(self.batch_size), self.labels.split(self.batch_size)
        for images, labels in zip(*batches, strict=True):
            yield to_float(images), labels


def to_float(images: Tensor) -> Float32[Tensor, "batch channel height width"]:
    """Stored images as float pixels in [0, 1]. Random pixels are already stored as floats."""
    return images.div(255) if images.dtype == torch.uint8 else images
