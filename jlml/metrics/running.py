"""Means over the images of many batches, right also when the last batch is smaller."""

import torch
from torch import Tensor


class RunningMean:
    """Keeps per-image numbers by name, on their device; adds them up only when the means are asked for.

    Keeping costs a microsecond a batch where adding up would cost ten.
    """

    def __init__(self) -> None:
        self._kept: dict[str, list[Tensor]] = {}

    def update(self, values: dict[str, Tensor]) -> None:
        """Takes one number an image, shape (B,), under each name."""
        for name, value in values.items():
            self._kept.setdefault(name, []).append(value.detach())

    def pop(self) -> dict[str, float]:
        """The mean over all images since the last time, by name, summed in float64. Waits for the device."""
        means = {name: torch.cat(kept).double().mean().item() for name, kept in self._kept.items()}
        self._kept.clear()
        return means
