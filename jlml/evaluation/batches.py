"""Applies functions to many images or codes in batches, to limit memory."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor


def in_batches(
    function: Callable[..., Any], *tensors: Tensor, size: int, device: torch.device | str = "cpu"
) -> Any:
    """Applies a function to tensors batch by batch, without gradients, and returns the result on the CPU.

    Args:
        function: takes a batch of each tensor; returns a tensor, or a tuple or dict of tensors.
        tensors: tensors with the same number of rows, one row per image.
        size: number of rows per batch.
        device: device on which the function computes.
    """
    with torch.no_grad():
        batches = zip(*(tensor.split(size) for tensor in tensors), strict=True)
        return joined(function(*(some.to(device) for some in batch)) for batch in batches)


def joined(batches: Iterable[Any]) -> Any:
    """Concatenates the results of batches, each a tensor or a tuple or dict of tensors, on the CPU."""
    results = [move_data_to_device(batch, "cpu") for batch in batches]
    if isinstance(results[0], Tensor):
        return torch.cat(results)
    if isinstance(results[0], dict):
        return {name: torch.cat([result[name] for result in results]) for name in results[0]}
    return tuple(torch.cat(column) for column in zip(*results, strict=True))
