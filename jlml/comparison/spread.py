"""Statistics of a metric over several seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jlml.comparison.quantities import formatted


@dataclass(frozen=True)
class Spread:
    """A metric over the runs of a group.

    Args:
        values: the finite values, at most one per run and at least one in total.
        runs: number of runs; 0 if all have a value.
    """

    values: Sequence[float]
    runs: int = 0

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over seeds; None for a single run."""
        n = len(self.values)
        return math.sqrt(sum((v - self.mean) ** 2 for v in self.values) / (n - 1)) if n > 1 else None

    @property
    def is_complete(self) -> bool:
        """Whether every run has a value."""
        return len(self.values) >= self.runs

    def formatted(self, metric: str) -> str:
        """Mean and standard deviation, and the number of runs with a value if some have none."""
        text = formatted(self.mean, metric, self.deviation)
        return text if self.is_complete else f"{text} ({len(self.values)} of {self.runs})"
