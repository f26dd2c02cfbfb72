"""Batches gathered whole from tensors in memory: no per-image Python, no worker processes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Generator, Tensor

from jlml.data.pixels import TREATMENTS

SPLIT, TRAINING, VALIDATION, TEST, AT_REST = range(5)  # the streams of random numbers that a seed opens

Batch = tuple[Float32[Tensor, "batch channel height width"], Int64[Tensor, " batch"]]


def generator_for(seed: int, *stream: int) -> Generator:
    """A generator of its own for every (seed, purpose, epoch): no draw depends on how many came before."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0]
    return Generator().manual_seed(int(state >> np.uint64(1)))


@dataclass
class TrainingBatches:
    """Shuffled batches of training images; order and pixel noise are functions of seed and epoch.

    ``epoch`` is asked at the start of every pass, so a resumed run draws what it would have drawn.
    """

    images: Tensor  # uint8 (N, 1, H, W)
    labels: Tensor  # int64 (N,)
    batch_size: int
    pixels: str
    seed: int
    epoch: Callable[[], int]

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        generator = generator_for(self.seed, TRAINING, self.epoch())
        treat = TREATMENTS[self.pixels]
        order = torch.randperm(len(self.images), generator=generator)
        for index in order.split(self.batch_size):
            yield treat(self.images[index], generator), self.labels[index]


@dataclass
class EvaluationBatches:
    """Batches in stored order, the same at every pass."""

    images: Tensor  # uint8, or float32 where the pixels were drawn
    labels: Tensor
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for images, labels in zip(
            self.images.split(self.batch_size), self.labels.split(self.batch_size), strict=True
        ):
            yield to_float(images), labels


def to_float(images: Tensor) -> Float32[Tensor, "batch channel height width"]:
    """Stored images as float pixels in [0, 1]; drawn pixels are stored as floats already."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
