"""Shows the jobs of a sweep in a terminal: the ranking, and one line per job."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from jlml.comparison.quantities import formatted
from jlml.sweeps.folder import Result, ranked

SHOWN = ("val/mse", "val/bce", "val/loss")
MOST_ROWS = 30


def ranking(results: Sequence[Result], metric: str, most: int = MOST_ROWS) -> RenderableType:
    """A table of the finished jobs, ranked by a validation metric, the best first."""
    best = ranked(results, metric)
    if not best:
        return Text("")
    columns = [metric, *(name for name in SHOWN if name != metric)]
    table = Table(title=f"Ranked by {metric} of each job's best checkpoint", title_justify="left")
    table.add_column("", justify="right")
    for key in best[0].factors:
        table.add_column(key)
    for name in (*columns, "seconds"):
        table.add_column(name, justify="right")
    for place, result in enumerate(best[:most], start=1):
        numbers = [formatted(result.metrics.get(name), name) for name in columns]
        table.add_row(str(place), *map(Text, result.factors.values()), *numbers, f"{result.seconds:.0f}")
    more = len(best) - most
    return Group(table, f"{more} more in results.csv") if more > 0 else table


def values_in_words(result: Result) -> str:
    """The swept values of a job, as overrides."""
    return " ".join(f"{key}={value}" for key, value in result.factors.items())


def outcome(result: Result, metric: str) -> str:
    """The result of a job: its metric, or its error."""
    if result.status == "failed":
        return str(result.record.get("error", ""))
    return f"{metric} {formatted(result.metrics.get(metric), metric)}"


def wide_console() -> Console:
    """A console for tables. Without a terminal it is 200 columns wide, so that tables are not wrapped."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=200)
