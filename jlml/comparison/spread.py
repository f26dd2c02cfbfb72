"""A metric over several seeds, and whether the means of two groups differ by more than their noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import ttest_ind_from_stats

from jlml.comparison.quantities import Quantity

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Spread:
    """A metric over the runs of a group."""

    values: Sequence[float]
    of: int = 0  # how many runs there are, if more than have a finite value

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over seeds; None of a single run."""
        n = len(self.values)
        return math.sqrt(sum((v - self.mean) ** 2 for v in self.values) / (n - 1)) if n > 1 else None

    def written(self, quantity: Quantity) -> str:
        """Mean and standard deviation, and how many runs have none, if some do."""
        text = f"{self.mean:.{quantity.digits}f}"
        text += "" if self.deviation is None else f" ± {self.deviation:.{quantity.digits}f}"
        return text if self.is_whole else f"{text} ({len(self.values)} of {self.of})"

    @property
    def is_whole(self) -> bool:
        """Whether every run has its value."""
        return len(self.values) >= self.of


def best_of(spreads: Sequence[Spread | None], quantity: Quantity) -> int | None:
    """The place of the best group if it differs from every other by more than the seeds' noise.

    By Welch's t-test against each of the others, two-sided, at 5 %. None where there is no such group, no
    better direction, a group of a single run, whose noise nobody knows, or a run without its value.
    """
    present = [(place, spread) for place, spread in enumerate(spreads) if spread is not None]
    unknown = any(len(spread.values) < 2 or not spread.is_whole for _, spread in present)
    if quantity.better is None or len(present) < 2 or unknown:
        return None
    sign = 1 if quantity.better == "higher" else -1
    place, best = max(present, key=lambda pair: sign * pair[1].mean)
    others = [spread for other, spread in present if other != place]
    return place if all(differ(best, other) for other in others) else None


def differ(one: Spread, other: Spread) -> bool:
    """Whether two means differ by more than the noise of their seeds."""
    if not one.deviation and not other.deviation:
        return one.mean != other.mean
    moments = [(s.mean, s.deviation or 0.0, len(s.values)) for s in (one, other)]
    test = ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False)
    return float(test.pvalue) < SIGNIFICANT
