"""Optimizer steps replayed as CUDA graphs: a small net's kernels take less time than their launches."""

import logging
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._pytree import tree_map_only

log = logging.getLogger(__name__)

Numbers = TypeVar("Numbers")  # whatever a step returns; tensors, in any nest of containers
Take = Callable[[Tensor], Numbers]
Record = Callable[[Tensor], tuple[Callable[[], None], Numbers]]

EAGER_STEPS = 3  # before a recording: until then libraries choose their kernels, and memory is found


class CapturedSteps(Generic[Numbers]):
    """Takes steps; the fourth with the same constants is recorded, and replayed from then on.

    A recording holds every number that Python computes, such as the learning rate, as it was then. Where one
    of these constants changes, steps are eager until the next recording; so is that of a smaller batch.

    Args:
        take: a whole step for a batch of images, without a look at any value on the device.
        record: makes such a step replayable for one place of images in memory, without taking it. What it
            gives besides is written anew by every replay.
    """

    def __init__(self, take: Take[Numbers], record: Record[Numbers]) -> None:
        self._take = take
        self._record = record
        self._constants: Hashable = None
        self._alike = 0  # steps with the same constants
        self._place = torch.empty(0)  # where a replay finds its images
        self._replay: Callable[[], None] | None = None
        self._numbers: Numbers

    def __call__(self, images: Tensor, constants: Hashable) -> Numbers:
        """Takes a step, and gives what `take` does."""
        if images.shape[0] < self._place.shape[0]:
            return self._take(images)  # the last batch of an epoch
        if (images.shape, constants) != (self._place.shape, self._constants):
            self._place, self._constants, self._alike, self._replay = images.clone(), constants, 0, None
        self._alike += 1
        if self._alike <= EAGER_STEPS:
            return self._take(images)
        if self._replay is None:
            self._replay, self._numbers = self._record(self._place)
        self._place.copy_(images)
        self._replay()
        return tree_map_only(Tensor, Tensor.clone, self._numbers)


def captured_on_gpu(take: Take[Numbers], optimizer: Optimizer) -> CapturedSteps[Numbers] | None:
    """Steps of this optimizer as CUDA graphs, or None where its steps look at the device.

    A fused one of Adam's family does not. All steps run on a stream of their own, as a recording must.
    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture.
    """
    if not all(group.get("fused") and "capturable" in group for group in optimizer.param_groups):
        log.warning("trainer.capture=true needs a fused Adam or AdamW: steps are not captured.")
        return None
    stream = torch.cuda.Stream()

    def aside(images: Tensor) -> Numbers:
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            numbers = take(images)
        torch.cuda.current_stream().wait_stream(stream)
        return numbers

    def record(images: Tensor) -> tuple[Callable[[], None], Numbers]:
        graph = torch.cuda.CUDAGraph()
        for group in optimizer.param_groups:
            group["capturable"] = True
        try:
            with torch.cuda.graph(graph, stream=stream):
                numbers = take(images)
        finally:
            for group in optimizer.param_groups:
                group["capturable"] = False  # as a checkpoint shall have it
        return graph.replay, tree_map_only(Tensor, Tensor.detach, numbers)

    return CapturedSteps(aside, record)
