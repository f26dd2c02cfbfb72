"""Optimizer steps as CUDA graphs: launching a small network's kernels takes longer than running them."""

import logging
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

log = logging.getLogger(__name__)

Result = TypeVar("Result")  # result of a step: tensors in dicts and named tuples
Take = Callable[[Tensor], Result]
Record = Callable[[Tensor], tuple[Callable[[], None], Result]]

EAGER_STEPS = 3  # steps before a recording, in which libraries choose their kernels and allocate memory


class CapturedSteps(Generic[Result]):
    """Takes steps, records the fourth one with the same constants, and replays it from then on.

    A recording contains every number that Python computes, for example the learning rate. If one of these
    constants changes, steps are eager until the next recording. A step on a smaller batch is always eager.

    Args:
        take: takes a complete step on a batch of images, without reading values from the device.
        record: records such a step for a fixed image tensor, without taking it. Every replay overwrites the
            result.
    """

    def __init__(self, take: Take[Result], record: Record[Result]) -> None:
        self._take = take
        self._record = record
        self._constants: Hashable = None
        self._alike = 0  # number of steps with the same constants
        self._place = torch.empty(0)  # the image tensor that a replay reads
        self._replay: Callable[[], None] | None = None
        self._result: Result

    def __call__(self, images: Tensor, constants: Hashable) -> Result:
        """Takes a step, and returns the result of `take`."""
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

    A fused Adam or AdamW does not read any. All steps run on a separate stream, as a recording requires.
    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture.
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
                group["capturable"] = False  # keeps checkpoints equal to those without CUDA graphs
        return graph.replay, map_tensors(Tensor.detach, result)

    return CapturedSteps(on_the_stream, record)


def map_tensors(function: Callable[[Tensor], Tensor], node: Any) -> Any:
    """Applies a function to every tensor in nested dicts and named tuples."""
    if isinstance(node, Tensor):
        return function(node)
    if isinstance(node, dict):
        return {key: map_tensors(function, value) for key, value in node.items()}
    return type(node)(*(map_tensors(function, value) for value in node))
