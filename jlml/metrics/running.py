"""Means over the images of many batches, right also when the last batch is smaller."""

from collections.abc import Callable, Mapping

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

    def kept(self) -> dict[str, Tensor]:
        """The values since the last time, by name: what a checkpoint keeps of a window that is cut."""
        return {name: torch.cat(values) for name, values in self._kept.items()}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Goes on with values that `kept` has returned."""
        self._kept = {name: [values] for name, values in kept.items()}

    def pop(self, add_up: Callable[[Tensor], Tensor] | None = None) -> dict[str, float]:
        """The mean over all images since the last time, by name, summed in float64. Waits for the device.

        Args:
            add_up: where several processes see a part of the images each, adds up a tensor over all of them.
        """
        values = {name: torch.cat(kept).double() for name, kept in self._kept.items()}
        self._kept.clear()
        if add_up is None or not values:
            return {name: value.mean().item() for name, value in values.items()}
        sums = torch.stack([value.sum() for value in values.values()])
        counts = sums.new_tensor([len(value) for value in values.values()])
        total, count = add_up(torch.stack([sums, counts]))
        return dict(zip(values, (total / count).tolist(), strict=True))
