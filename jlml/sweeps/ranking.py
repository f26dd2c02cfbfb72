"""Shows the jobs of a sweep in a terminal: the ranking, and one line per job."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from jlml.comparison.quantities import formatted
from jlml.comparison.tables import Cell, Table, as_rich
from jlml.sweeps.folder import Result, ranked
from jlml.training.words import duration

SHOWN = ("val/mse", "val/bce", "val/loss")
MOST_ROWS = 30


def ranking(results: Sequence[Result], metric: str, most: int = MOST_ROWS) -> RenderableType:
    """A table of the finished jobs, ranked by a validation metric, the best first."""
    best = ranked(results, metric)
    if not best:
        return Text("")
    columns = [metric, *(name for name in SHOWN if name != metric)]
    keys = list(best[0].factors)
    header = ["", *keys, *(name.replace("/", " ") for name in columns), "time"]
    rows = []
    for place, result in enumerate(best[:most], start=1):
        numbers = [formatted(result.metrics.get(name), name) for name in columns]
        row = [str(place), *result.factors.values(), *numbers, duration(result.seconds)]
        rows.append([*map(Cell, row)])
    title = f"Ranked by {metric} of each job's best checkpoint"
    table = as_rich(Table(title, header, rows, keys=1 + len(keys)))
    more = len(best) - most
    return Group(table, f"{more} more in results.csv") if more > 0 else table


def values_in_words(result: Result) -> str:
    """The swept values of a job, as overrides."""
    return " ".join(f"{key}={value}" for key, value in result.factors.items())


def outcome(result: Result, metric: str) -> str:
    """The result of a job: its metric, or its error."""
    if result.status == "failed":
        return str(result.record.get("error", ""))
    return f"{metric.replace('/', ' ')} {formatted(result.metrics.get(metric), metric)}"


def wide_console() -> Console:
    """A console for tables. Without a terminal it is 200 columns wide, so that tables are not wrapped."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=200)
