"""Decides which level of a factor is better in a metric, with one correction for all decisions about it.

Runs with one seed share the split and the initial weights, so a seed is one repetition of the experiment:

- Two levels are compared within each setting, which is a combination of levels of the other factors. Every
  seed gives one difference, averaged over the settings. A t-test asks if the mean of these differences is 0:
  paired if the levels have seeds in common, Welch's otherwise. No variance is pooled, so neither the noise of
  the groups nor that of the settings has to be equal or independent.
- All comparisons of one metric are one family: every factor, every pair of its levels, the averages over
  settings, and the settings one by one. Holm's method with weights keeps the chance of any wrong decision in
  the family at 5 %. The averages have four fifths of the weight, because they are the main question.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure", with weights in section 5.
"""

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Any

from scipy.stats import ttest_ind, ttest_rel

from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of

ERROR_RATE = 0.05
SHARE_OF_SETTINGS = 1 / 4  # total weight of the settings of one comparison; its average has weight 1

Levels = Mapping[str, str]  # level by factor


@dataclass(frozen=True)
class Sample:
    """A group of runs in one metric.

    Args:
        levels: level of each factor that the group has.
        values: value of the metric by seed.
        is_complete: whether every run of the group has a value.
    """

    levels: Levels
    values: Mapping[Hashable, float]
    is_complete: bool = True


Pairs = Sequence[tuple[Sample, Sample]]  # samples that differ in one factor only


@dataclass(frozen=True)
class Difference:
    """The difference between two levels, averaged over settings or in one of them.

    Args:
        settings: levels of the other factors.
        means: mean of either level.
        seeds: number of seeds, of the level with fewer.
        advantage: how much better the first level is; negative if it is worse.
        test: SciPy's t-test of the difference; None with one seed or missing values.
        p: p-value, adjusted for all comparisons of the metric.
        error_rate: the error rate at which Holm's method tests the difference: 5 % or less.
    """

    settings: Sequence[Levels]
    means: tuple[float, float]
    seeds: int
    advantage: float
    test: Any = None
    p: float | None = None
    error_rate: float = ERROR_RATE

    @property
    def margin(self) -> float | None:
        """Half the width of the interval of the difference, which excludes 0 exactly if it is decided."""
        if self.test is None:
            return None
        low, high = self.test.confidence_interval(1 - self.error_rate)
        width = float(high - low)
        return width / 2 if width == width else 0.0

    @property
    def is_decided(self) -> bool:
        return self.p is not None and self.p < ERROR_RATE

    @property
    def is_better(self) -> bool:
        """Whether the first level is better, and this is decided."""
        return self.is_decided and self.advantage > 0


@dataclass(frozen=True)
class Decision:
    """Two levels of a factor in one metric. The first is better on average, decided or not.

    Args:
        average: the difference, averaged over all settings.
        by_setting: the difference in each setting; empty if there is only one.
    """

    metric: str
    factor: str
    level: str
    other: str
    average: Difference
    by_setting: Sequence[Difference] = ()

    @property
    def exceptions(self) -> list[Difference]:
        """The settings in which the first level is not better."""
        return [difference for difference in self.by_setting if difference.advantage <= 0]

    @property
    def decided_settings(self) -> list[Difference]:
        """The settings in which one of the two is better, and this is decided."""
        return [difference for difference in self.by_setting if difference.is_decided]


def decisions_about(groups: Sequence[Group[Any]], metric: str) -> list[Decision]:
    """The decisions about one metric between groups whose values can be compared.

    Groups of which no two differ in a single factor are compared as a whole, each with each. There are no
    decisions if neither direction is better.
    """
    measured = [group for group in groups if group.values(metric)]
    if quantity_of(metric).better is None:
        return []
    samples = [
        Sample(group.levels, group.by_seed(metric), len(group.values(metric)) == len(group.runs))
        for group in measured
    ]
    if not any(level_pairs(samples)):
        samples = [
            replace(sample, levels={"": group.label}) for sample, group in zip(samples, measured, strict=True)
        ]
    return decide(samples, metric)


def decide(samples: Sequence[Sample], metric: str) -> list[Decision]:
    """Compares every pair of levels of every factor in one metric, in which one direction is better."""
    decisions = [compared(metric, *some) for some in level_pairs(samples)]
    all_differences = [some for each in decisions for some in (each.average, *each.by_setting)]
    weights = [weight for each in decisions for weight in (1.0, *weights_of(each.by_setting))]
    corrected = iter(corrected_differences(all_differences, weights))
    return [
        replace(each, average=next(corrected), by_setting=[next(corrected) for _ in each.by_setting])
        for each in decisions
    ]


def weights_of(settings: Sequence[Difference]) -> list[float]:
    """The weight of each setting of a comparison."""
    return [SHARE_OF_SETTINGS / len(settings) for _ in settings]


def level_pairs(samples: Sequence[Sample]) -> Iterator[tuple[str, str, str, Pairs]]:
    """Each factor with two of its levels, and the pairs of samples that differ in nothing else.

    A factor that one of two samples does not have cannot differ between them, for example the weight of the
    KL between an autoencoder and a VAE.
    """
    for factor in dict.fromkeys(factor for sample in samples for factor in sample.levels):
        levels = dict.fromkeys(s.levels[factor] for s in samples if factor in s.levels)
        for level, other in combinations(levels, 2):
            pairs = [
                (one, two)
                for one in samples
                for two in samples
                if one.levels.get(factor) == level and two.levels.get(factor) == other
                if agree(one.levels, two.levels, factor)
            ]
            if pairs:
                yield factor, level, other, pairs


def agree(one: Levels, two: Levels, factor: str) -> bool:
    """Whether two groups have equal levels of all other factors that both have."""
    return all(one[key] == two[key] for key in one.keys() & two.keys() if key != factor)


def compared(metric: str, factor: str, level: str, other: str, pairs: Pairs) -> Decision:
    """A comparison without correction, with the better level first."""
    sign = 1 if quantity_of(metric).better == "higher" else -1
    average = difference_of(factor, pairs, sign)
    if average.advantage < 0:
        return compared(metric, factor, other, level, [(two, one) for one, two in pairs])
    by_setting = [difference_of(factor, [pair], sign) for pair in pairs] if len(pairs) > 1 else []
    return Decision(metric, factor, level, other, average, by_setting)


def difference_of(factor: str, pairs: Pairs, sign: int) -> Difference:
    """The difference over these pairs of samples, with its t-test but without correction."""
    sides = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    common = shared_seeds([*sides[0], *sides[1]])
    paired = len(common) > 1
    one, two = (averages(side, common if paired else shared_seeds(side)) for side in sides)
    means = fmean(one), fmean(two)
    settings = [
        {key: level for key, level in {**a.levels, **b.levels}.items() if key != factor} for a, b in pairs
    ]
    seeds = min(len(one), len(two))
    is_complete = all(sample.is_complete for side in sides for sample in side)
    test = t_test(one, two, paired) if seeds > 1 and is_complete else None
    return Difference(settings, means, seeds, sign * (means[0] - means[1]), test)


def averages(samples: Sequence[Sample], seeds: Sequence[Hashable]) -> list[float]:
    """The average of the samples for each seed; without seeds, that of all their values."""
    if not seeds:
        return [fmean(fmean(sample.values.values()) for sample in samples)]
    return [fmean(sample.values[seed] for sample in samples) for seed in seeds]


def shared_seeds(samples: Sequence[Sample]) -> list[Hashable]:
    """The seeds that all samples have."""
    return [seed for seed in samples[0].values if all(seed in sample.values for sample in samples)]


def t_test(one: Sequence[float], two: Sequence[float], paired: bool) -> Any:
    """SciPy's two-sided t-test of equal means: paired by seed, or Welch's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # values without any noise
        return ttest_rel(one, two) if paired else ttest_ind(one, two, equal_var=False)


def corrected_differences(differences: Sequence[Difference], weights: Sequence[float]) -> list[Difference]:
    """The differences with p-values and intervals that are corrected for all of them."""
    tested = [place for place, difference in enumerate(differences) if difference.test is not None]
    p_values = [p_value(differences[place]) for place in tested]
    corrected = list(differences)
    levels = holm(p_values, [weights[place] for place in tested])
    for place, (p, error_rate) in zip(tested, levels, strict=True):
        corrected[place] = replace(differences[place], p=p, error_rate=error_rate)
    return corrected


def p_value(difference: Difference) -> float:
    """The p-value of one test. Without any noise, where t is not defined, it is 0 or 1."""
    p = float(difference.test.pvalue)
    return p if p == p else float(difference.advantage == 0)


def holm(p_values: Sequence[float], weights: Sequence[float]) -> list[tuple[float, float]]:
    """Holm's method with weights.

    Returns:
        For each test, the adjusted p-value and the error rate at which it is tested.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place] / weights[place])
    left, divisor, adjusted = sum(weights), sum(weights), 0.0
    found = {}
    for place in order:
        if adjusted < ERROR_RATE:  # after the first undecided test, all others are tested with its divisor
            divisor = left
        adjusted = max(adjusted, min(1.0, p_values[place] * max(left, weights[place]) / weights[place]))
        found[place] = adjusted, ERROR_RATE * weights[place] / max(divisor, weights[place])
        left -= weights[place]
    return [found[place] for place in range(len(p_values))]
