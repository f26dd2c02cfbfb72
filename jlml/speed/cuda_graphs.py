"""Optimizer steps as CUDA graphs: the kernels of a small network take less time than their launches."""

import logging
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

log = logging.getLogger(__name__)

Result = TypeVar("Result")  # of a step; tensors, in dicts and named tuples
Take = Callable[[Tensor], Result]
Record = Callable[[Tensor], tuple[Callable[[], None], Result]]

EAGER_STEPS = 3  # before a recording: until then libraries choose their kernels and memory is allocated


class CapturedSteps(Generic[Result]):
    """Takes steps. The fourth one with the same constants is recorded, and replayed from then on.

    A recording contains every number that Python computes, such as the learning rate. If one of these
    constants changes, steps are eager until the next recording; so is that of a smaller batch.

    Args:
        take: a whole step on a batch of images, which reads no value from the device.
        record: records such a step for one place of images in memory, without taking it. Every replay
            writes its result anew.
    """

    def __init__(self, take: Take[Result], record: Record[Result]) -> None:
        self._take = take
        self._record = record
        self._constants: Hashable = None
        self._alike = 0  # steps with the same constants
        self._place = torch.empty(0)  # where a replay finds its images
        self._replay: Callable[[], None] | None = None
        self._result: Result

    def __call__(self, images: Tensor, constants: Hashable) -> Result:
        """Takes a step, and returns what `take` does."""
        if images.shape[0] < self._place.shape[0]:
            return self._take(images)  # the last batch of an epoch
        if (images.shape, constants) != (self._place.shape, self._constants):
            self._place, self._constants, self._alike, self._replay = images.clone(), constants, 0, None
        self._alike += 1
        if self._alike <= EAGER_STEPS:
            return self._take(images)
        if self._replay is None:
            self._replay, self._result = self._record(self._place)
        self._place.copy_(images)
        self._replay()
        return map_tensors(Tensor.clone, self._result)


def captured_on_gpu(take: Take[Result], optimizer: Optimizer) -> CapturedSteps[Result] | None:
    """Steps of this optimizer as CUDA graphs, or None if its steps read values from the device.

    A fused optimizer of Adam's family does not. All steps run on a stream of their own, which a recording
    requires. Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture.
    """
    if not all(group.get("fused") and "capturable" in group for group in optimizer.param_groups):
        log.warning("speed.cuda_graphs=true needs a fused Adam or AdamW: steps are not recorded.")
        return None
    stream = torch.cuda.Stream()

    def on_the_stream(images: Tensor) -> Result:
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = take(images)
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def record(images: Tensor) -> tuple[Callable[[], None], Result]:
        graph = torch.cuda.CUDAGraph()
        for group in optimizer.param_groups:
            group["capturable"] = True
        try:
            with torch.cuda.graph(graph, stream=stream):
                result = take(images)
        finally:
            for group in optimizer.param_groups:
                group["capturable"] = False  # as it is to be in a checkpoint
        return graph.replay, map_tensors(Tensor.detach, result)

    return CapturedSteps(on_the_stream, record)


def map_tensors(function: Callable[[Tensor], Tensor], node: Any) -> Any:
    """The same dicts and named tuples, with the function applied to every tensor in them."""
    if isinstance(node, Tensor):
        return function(node)
    if isinstance(node, dict):
        return {key: map_tensors(function, value) for key, value in node.items()}
    return type(node)(*(map_tensors(function, value) for value in node))
