"""Means over the images of many batches, right also if the last batch is smaller."""

from collections.abc import Mapping

import torch
from torch import Tensor


class RunningMean:
    """Keeps per-image numbers by name, on their device, and averages them only when asked.

    Keeping costs a microsecond per batch; adding up would cost ten.
    """

    def __init__(self) -> None:
        self._kept: dict[str, list[Tensor]] = {}

    def update(self, values: dict[str, Tensor]) -> None:
        """Takes one number per image, shape (B,), under each name."""
        for name, value in values.items():
            self._kept.setdefault(name, []).append(value.detach())

    def kept(self) -> dict[str, Tensor]:
        """The values since `clear`, by name."""
        return {name: torch.cat(values) for name, values in self._kept.items()}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Continues with values that `kept` has returned."""
        self._kept = {name: [values] for name, values in kept.items()}

    def clear(self) -> None:
        """Forgets all values."""
        self._kept.clear()

    def means(self) -> dict[str, float]:
        """The mean over all images since `clear`, by name, summed in float64. Waits for the device."""
        return {name: torch.cat(kept).double().mean().item() for name, kept in self._kept.items()}
