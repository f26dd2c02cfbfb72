"""How processes that train one model together share every batch: each image is the work of exactly one."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class Part(NamedTuple):
    """The rows of a batch that are one process's work; none, where there are fewer images than processes."""

    images: int  # in the whole batch
    start: int
    stop: int
    processes: int

    def of(self, whole: Tensor) -> Tensor:
        """This process's rows of what has a row for every image of the batch."""
        return whole[self.start : self.stop]

    def mean(self, values: Tensor) -> Tensor:
        """This process's share of the mean over the whole batch.

        DDP averages the gradients of all processes. The average of these is the gradient of the batch's
        mean, however unequal the parts, where that of the parts' own means would not be.
        """
        return values.sum() * (self.processes / self.images)


@dataclass(frozen=True)
class Shard:
    """One of the processes that share every batch; by default the only one."""

    rank: int = 0
    processes: int = 1

    def part(self, images: int) -> Part | None:
        """This process's part of a batch of so many images; None where it has the batch to itself.

        Parts are contiguous, and their sizes differ by at most one.
        """
        if self.processes == 1:
            return None
        start, stop = (images * rank // self.processes for rank in (self.rank, self.rank + 1))
        return Part(images, start, stop, self.processes)


ALONE = Shard()
