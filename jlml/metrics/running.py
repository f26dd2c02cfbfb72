"""Means over the images of many batches, right also when the last batch is smaller."""

from collections.abc import Callable, Mapping
from math import isfinite

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
        """The values since `clear`, by name: what a checkpoint keeps of a window that is cut."""
        return {name: torch.cat(values) for name, values in self._kept.items()}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Goes on with values that `kept` has returned."""
        self._kept = {name: [values] for name, values in kept.items()}

    def first_lost(self) -> tuple[int, dict[str, float]] | None:
        """How many batches ago a number was not finite for the first time, and the means of that batch.

        Only of numbers that every batch has; None if they are all finite.
        """
        count = max(map(len, self._kept.values()), default=0)
        batches = zip(*(values for values in self._kept.values() if len(values) == count), strict=True)
        names = [name for name, values in self._kept.items() if len(values) == count]
        for number, batch in enumerate(batches):
            means = [float(value.double().mean()) for value in batch]
            if not all(map(isfinite, means)):
                return count - 1 - number, dict(zip(names, means, strict=True))
        return None

    def clear(self) -> None:
        """Forgets all values."""
        self._kept.clear()

    def means(self, add_up: Callable[[Tensor], Tensor] | None = None) -> dict[str, float]:
        """The mean over all images since `clear`, by name, summed in float64. Waits for the device.

        Args:
            add_up: where several processes see a part of the images each, adds up a tensor over all of them.
        """
        values = {name: torch.cat(kept).double() for name, kept in self._kept.items()}
        if add_up is None or not values:
            return {name: value.mean().item() for name, value in values.items()}
        sums = torch.stack([value.sum() for value in values.values()])
        counts = sums.new_tensor([len(value) for value in values.values()])
        total, count = add_up(torch.stack([sums, counts]))
        return dict(zip(values, (total / count).tolist(), strict=True))
