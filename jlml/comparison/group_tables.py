"""Tables of groups of runs: mean and standard deviation over seeds, the best in bold; and as CSV."""

from collections.abc import Mapping, Sequence
from itertools import chain

from jlml.comparison.csv_text import as_csv
from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.comparison.spread import Spread, best_of
from jlml.comparison.tables import Cell

MOMENTS = ("metric", "unit", "better", "seeds", "mean", "standard_deviation")


def spread_rows(groups: Sequence[Group], metrics: Sequence[str], compared: bool = True) -> list[list[Cell]]:
    """A row per group with a cell per metric: mean ± standard deviation over seeds.

    If the groups are ``compared``, a group that is significantly better than every other one is bold.
    """
    columns = [[group.spread(metric) for group in groups] for metric in metrics]
    best = [
        best_of(spreads, metric) if compared else None
        for spreads, metric in zip(columns, metrics, strict=True)
    ]
    return [
        [
            Cell(text_of(spreads[row], metric), bold=winner == row)
            for spreads, metric, winner in zip(columns, metrics, best, strict=True)
        ]
        for row in range(len(groups))
    ]


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
