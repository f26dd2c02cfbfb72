"""Batches gathered whole from tensors in memory: no per-image Python, no worker processes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Generator, Tensor

from jlml.data.pixels import TREATMENTS
from jlml.data.shards import ALONE, Part, Shard

SPLIT, TRAINING, VALIDATION, TEST, AT_REST = range(5)  # the streams of random numbers that a seed opens

WholeBatch = tuple[Float32[Tensor, "batch channel height width"], Int64[Tensor, " batch"]]
SharedBatch = tuple[Float32[Tensor, "part channel height width"], Int64[Tensor, " part"], Part]
Batch = WholeBatch | SharedBatch


def part_of(batch: Batch) -> Part | None:
    """Which part of a shared batch this is; None for a batch that one process has to itself."""
    return batch[2] if len(batch) == 3 else None


class Stretch:
    """Training batches in a row, each made when its turn comes: what Lightning takes for one batch.

    What it does around a batch takes some tenths of a millisecond, as long as a step of a small net. So it
    is done once for every few batches.

    Args:
        batches: from which the next ``count`` are taken.
        first: the number of its first batch in the epoch, from 0.
        count: of its batches.
        images: of all its batches, those of other processes included.
    """

    def __init__(self, batches: Iterator[Batch], first: int, count: int, images: int) -> None:
        self.first = first
        self.count = count
        self.images = images
        self._batches = batches

    @classmethod
    def of(cls, batch: "Stretch | Batch", number: int) -> "Stretch":
        """A batch that comes alone, from a loader of another kind, as a stretch."""
        return batch if isinstance(batch, Stretch) else cls(iter([batch]), number, 1, len(batch[0]))

    @property
    def last(self) -> int:
        """The number of its last batch in the epoch."""
        return self.first + self.count - 1

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        """The batches, each with its number in the epoch."""
        return enumerate(islice(self._batches, self.count), self.first)


def generator_for(seed: int, *stream: int, device: torch.device | str = "cpu") -> Generator:
    """A generator of its own for every (seed, purpose, epoch): no draw depends on how many came before."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0]
    return Generator(device).manual_seed(int(state >> np.uint64(1)))


@dataclass
class TrainingBatches:
    """Shuffled batches of training images; order and pixel noise are functions of seed and epoch.

    Iterating gives stretches of ``at_once`` batches, `batches` the batches themselves.

    ``batch_size`` counts the images of all processes. Each shuffles and draws for the whole batch, so that
    together they see what one alone would, and keeps its part.

    ``epoch`` is asked at the start of every pass, and so is ``done``, the stretches of this epoch that a run
    has seen before it was cut off: a resumed run draws what it would have drawn.
    """

    images: Tensor  # uint8 (N, 1, H, W), on the device where batches are wanted
    labels: Tensor  # int64 (N,), there too
    batch_size: int
    pixels: str
    seed: int
    epoch: Callable[[], int]
    done: Callable[[], int] = lambda: 0
    shard: Shard = ALONE
    at_once: int = 1

    @property
    def count(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.images) // self.batch_size)

    def __len__(self) -> int:
        return -(-self.count // self.at_once)

    def __iter__(self) -> Iterator[Stretch]:
        first = self.done() * self.at_once
        batches = self.batches(first)
        for start in range(first, self.count, self.at_once):
            stop = min(start + self.at_once, self.count)
            images = min(stop * self.batch_size, len(self.images)) - start * self.batch_size
            yield Stretch(batches, start, stop - start, images)

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """The batches of this epoch, from the ``first`` on."""
        generator = generator_for(self.seed, TRAINING, self.epoch())
        treat, device = TREATMENTS[self.pixels], self.images.device
        order = torch.randperm(len(self.images), generator=generator).to(device)
        if device.type != "cpu":  # pixels are drawn where the images are: other draws than on a CPU
            generator = generator_for(self.seed, TRAINING, self.epoch(), device=device)
        rows, shape = self.images.flatten(1), self.images.shape[1:]
        for number, index in enumerate(order.split(self.batch_size)):
            # whole rows are copied three times as fast as self.images[index]
            chosen = rows.index_select(0, index).unflatten(1, shape)
            images = treat(chosen, generator)  # also of batches that are done: draws go on
            if number >= first:
                yield shared(images, self.labels.index_select(0, index), self.shard)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the trainer counts the batches. That it is asked tells Lightning that a pass can go on."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to load."""


@dataclass
class EvaluationBatches:
    """Batches in stored order, the same at every pass."""

    images: Tensor  # uint8, or float32 where the pixels were drawn
    labels: Tensor
    batch_size: int
    shard: Shard = ALONE

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for images, labels in zip(
            self.images.split(self.batch_size), self.labels.split(self.batch_size), strict=True
        ):
            yield shared(to_float(images), labels, self.shard)


def shared(images: Tensor, labels: Tensor, shard: Shard) -> Batch:
    """What a process gets of a batch: all of it, or its rows and which ones they are."""
    part = shard.part(len(labels))
    return (images, labels) if part is None else (part.of(images), part.of(labels), part)


def to_float(images: Tensor) -> Float32[Tensor, "batch channel height width"]:
    """Stored images as float pixels in [0, 1]; drawn pixels are stored as floats already."""
    return images.div(255) if images.dtype == torch.uint8 else images
