"""Tables of groups of runs: mean and standard deviation over seeds, the best in bold; and as CSV."""

from collections.abc import Mapping, Sequence
from itertools import chain

from jlml.comparison.csv_text import as_csv
from jlml.comparison.decisions import Decision, agree, decisions_about
from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.comparison.spread import Spread
from jlml.comparison.tables import Cell

MOMENTS = ("metric", "unit", "better", "seeds", "mean", "standard_deviation")


def spread_rows(groups: Sequence[Group], metrics: Sequence[str], compared: bool = True) -> list[list[Cell]]:
    """A row per group with a cell per metric: mean ± standard deviation over seeds.

    If the groups are ``compared``, the best group is bold if it is decided that it is.
    """
    columns = [[group.spread(metric) for group in groups] for metric in metrics]
    best = [best_of(groups, metric) if compared else None for metric in metrics]
    return [
        [
            Cell(text_of(spreads[row], metric), bold=winner == row)
            for spreads, metric, winner in zip(columns, metrics, best, strict=True)
        ]
        for row in range(len(groups))
    ]


def best_of(groups: Sequence[Group], metric: str) -> int | None:
    """The index of the group with the best mean, if each of its levels is decided to be better.

    Each level must beat every other level of its factor: on average over the settings of the other factors
    and observed in the setting of the group, or decided in this setting. None if one does not.
    """
    decisions = decisions_about(groups, metric)
    means = {place: spread.mean for place, group in enumerate(groups) if (spread := group.spread(metric))}
    if not decisions:
        return None
    best = (max if quantity_of(metric).better == "higher" else min)(means, key=lambda place: means[place])
    group = groups[best]
    own = [each for each in decisions if level_of(group, each) in (each.level, each.other)]
    return best if own and all(wins(group, each) for each in own) else None


def level_of(group: Group, decision: Decision) -> str | None:
    """The level of a group in the factor of a decision; its label if groups are compared as a whole."""
    return group.levels.get(decision.factor) if decision.factor else group.label


def wins(group: Group, decision: Decision) -> bool:
    """Whether the group's level is decided to be better than the other one."""
    is_first = level_of(group, decision) == decision.level
    if not decision.by_setting:
        return is_first and decision.average.is_better
    own = [each for each in decision.by_setting if agree(each.settings[0], group.levels, decision.factor)]
    return all(
        (each.advantage > 0) == is_first and (each.is_decided or (is_first and decision.average.is_better))
        for each in own
    )


def text_of(spread: Spread | None, metric: str) -> str:
    """The text of a cell; empty if there is no value."""
    return "" if spread is None else spread.formatted(metric)


def groups_csv(
    groups: Sequence[Group], descriptions: Sequence[Mapping[str, str]], metrics: Sequence[str] | None = None
) -> str:
    """A CSV with a row per group and metric. The first columns are the descriptions of the group."""
    rows = []
    for group, description in zip(groups, descriptions, strict=True):
        for metric in group.metrics if metrics is None else metrics:
            spread, quantity = group.spread(metric), quantity_of(metric)
            if spread is not None:
                numbers = (len(spread.values), spread.mean, spread.deviation)
                values = (metric, quantity.unit, quantity.better, *numbers)
                rows.append({**description, **dict(zip(MOMENTS, values, strict=True))})
    return as_csv([*dict.fromkeys(chain.from_iterable(descriptions)), *MOMENTS], rows)
