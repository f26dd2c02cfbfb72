"""All decisions as a table and as CSV."""

from collections.abc import Iterator, Sequence

from jlml.comparison.csv_text import as_csv
from jlml.comparison.decisions import Decision, Difference
from jlml.comparison.factors import bare, in_words
from jlml.comparison.quantities import difference_in_words, label_of, quantity_of, value_in_words
from jlml.comparison.tables import Cell, Table

MOST_ROWS = 200
COLUMNS = {
    "": "The two levels. The first is better on average.",
    "metric": "What is compared, on the same test images.",
    "mean": "Mean over seeds and settings of the first level, then of the second.",
    "difference": "How much better the first level is, with an interval of 95 %, widened for the number of "
    "comparisons. It excludes 0 exactly if the difference is decided.",
    "seeds": "Number of seeds.",
    "settings": "Combinations of the other factors in which the first level is better, of all.",
    "p": "p-value of a t-test over seeds, by Holm's method for all comparisons of the metric.",
    "decided": "Whether p < .05.",
}
CSV = (
    *("metric", "unit", "better", "factor", "level", "other", "setting", "mean", "mean_of_other"),
    *("advantage", "margin", "seeds", "adjusted_p", "decided"),
)


def decision_table(decisions: Sequence[Decision]) -> Table:
    """One row per factor, pair of levels and metric: the average over settings."""
    rows = [list(map(Cell, cells_of(decision))) for decision in decisions[:MOST_ROWS]]
    return Table("", list(COLUMNS), rows, list(COLUMNS.values()))


def cells_of(decision: Decision) -> list[str]:
    """The texts of a row."""
    average, metric = decision.average, decision.metric
    count = len(decision.by_setting)
    return [
        f"{in_words(decision.factor, decision.level)} against {bare(decision.factor, decision.other)}",
        label_of(metric),
        " / ".join(value_in_words(mean, metric) for mean in average.means),
        difference_in_words(average.advantage, average.margin, metric),
        str(average.seeds),
        f"{count - len(decision.exceptions)} of {count}" if count else "",
        "" if average.p is None else "< .001" if average.p < 0.001 else f"{average.p:.3f}",
        "yes" if average.is_decided else "no",
    ]


def decisions_csv(decisions: Sequence[Decision]) -> str:
    """A CSV with one row per difference: the averages, and below each its settings."""
    return as_csv(CSV, list(csv_rows(decisions)))


def csv_rows(decisions: Sequence[Decision]) -> Iterator[dict[str, object]]:
    """The rows of the CSV."""
    for decision in decisions:
        quantity = quantity_of(decision.metric)
        first = (decision.metric, quantity.unit, quantity.better, decision.factor, decision.level)
        for place, each in enumerate([decision.average, *decision.by_setting]):
            setting = "" if place == 0 else in_words_of(each)
            numbers = (*each.means, each.advantage, each.margin, each.seeds, each.p, each.is_decided)
            yield dict(zip(CSV, (*first, decision.other, setting, *numbers), strict=True))


def in_words_of(difference: Difference) -> str:
    """The levels of the other factors."""
    return ", ".join(in_words(*pair) for pair in difference.settings[0].items())
