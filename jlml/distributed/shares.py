"""Divides batches among the processes of a run, so that exactly one process gets each image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lightning.pytorch.strategies import DDPStrategy

from jlml.data.batches import Batch, EvaluationBatches, TrainingBatches, to_float


class SharedDDP(DDPStrategy):
    """DDP that gives every process its share of each batch of jlml's loaders."""

    def process_dataloader(self, dataloader: object) -> object:
        if isinstance(dataloader, TrainingBatches):
            return TrainingShares(dataloader, self.global_rank, self.world_size)
        if isinstance(dataloader, EvaluationBatches):
            return EvaluationShares(dataloader, self.global_rank, self.world_size)
        return super().process_dataloader(dataloader)


@dataclass
class TrainingShares:
    """The training batches of one process: an equal share of every batch.

    DDP averages the gradients of all processes. With equal shares, this is the gradient of the mean over the
    batch. If an epoch's last batch cannot be divided equally, the remaining images are left out.
    """

    batches: TrainingBatches
    rank: int
    processes: int

    def __len__(self) -> int:
        last = len(self.batches.images) % self.batches.batch_size
        return len(self.batches) - (0 < last < self.processes)

    def __iter__(self) -> Iterator[Batch]:
        for images, labels in self.batches:
            share = len(labels) // self.processes
            if share:
                rows = slice(self.rank * share, (self.rank + 1) * share)
                yield images[rows], labels[rows]

    def state_dict(self) -> dict[str, Any]:
        """Empty, see `TrainingBatches`."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to load."""


@dataclass
class EvaluationShares:
    """The evaluation batches of one process: a contiguous share of all images.

    All processes have the same number of batches. Lightning weights the metrics of each process by its number
    of images, which gives the mean over all images.
    """

    batches: EvaluationBatches
    rank: int
    processes: int

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        all_of_them = self.batches.images, self.batches.labels
        images, labels = (tensor.tensor_split(self.processes)[self.rank] for tensor in all_of_them)
        for some, theirs in zip(images.tensor_split(len(self)), labels.tensor_split(len(self)), strict=True):
            yield to_float(some), theirs
