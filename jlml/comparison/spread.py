"""Statistics of a metric over several seeds, and a significance test between groups."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import ttest_ind_from_stats

from jlml.comparison.quantities import formatted, quantity_of

SIGNIFICANT = 0.05


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


def best_of(spreads: Sequence[Spread | None], metric: str) -> int | None:
    """The index of the best group if it differs significantly from every other group, otherwise None.

    By Welch's t-test against each of the others, two-sided, at 5 %. Also None if neither direction is
    better, if a group has a single run, so that its noise is unknown, or if a run has no value.
    """
    better = quantity_of(metric).better
    present = [(index, spread) for index, spread in enumerate(spreads) if spread is not None]
    unknown = any(len(spread.values) < 2 or not spread.is_complete for _, spread in present)
    if better is None or len(present) < 2 or unknown:
        return None
    sign = 1 if better == "higher" else -1
    best_index, best = max(present, key=lambda pair: sign * pair[1].mean)
    others = [spread for index, spread in present if index != best_index]
    return best_index if all(differ(best, other) for other in others) else None


def differ(one: Spread, other: Spread) -> bool:
    """Whether two means differ significantly."""
    if not one.deviation and not other.deviation:
        return one.mean != other.mean
    moments = [(s.mean, s.deviation or 0.0, len(s.values)) for s in (one, other)]
    test = ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False)
    return float(test.pvalue) < SIGNIFICANT
