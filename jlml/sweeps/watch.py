"""A sweep as the terminal shows it: what runs, what is left, and the ranking so far."""

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jlml.comparison.quantities import QUANTITIES
from jlml.sweeps.folder import ENDED, Result, Sweep, ranked

SHOWN = ("val/mse", "val/bce", "val/loss")
MOST_ROWS = 30
EVERY = 1.0  # seconds between two looks at the folder


class Watch:
    """Looks at the sweep's folder while jobs run, wherever they run, and shows what it sees.

    A terminal shows one picture that changes; a file gets a line and the ranking after every job.

    Args:
        sweep: whose folder is looked at.
        jobs: those that this command is about, with their values of the swept keys.
        metric: the jobs are ranked by it, the lowest first.
    """

    def __init__(self, sweep: Sweep, jobs: Mapping[str, dict[str, str]], metric: str) -> None:
        self.sweep, self.metric = sweep, metric
        self.console = wide_console()
        self._results = {job: sweep.result(job, factors) for job, factors in jobs.items()}
        self._before = {job: result.record for job, result in self._results.items()}
        # what has finished stays as it is; what has failed may be tried again
        self._settled = {job for job, result in self._results.items() if result.status == "finished"}
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._live: Live | None = None

    def __enter__(self) -> "Watch":
        if self.console.is_terminal:
            self._live = Live(self.picture(), console=self.console, refresh_per_second=2, transient=True)
            self._live.start()
        else:
            self.console.print(self.headline())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()
        if self._live is not None:
            self._live.stop()

    def _look_on(self) -> None:
        while not self._done.wait(EVERY):
            self._look()

    def _look(self) -> None:
        for job in self._results.keys() - self._settled:
            result = self._results[job] = self.sweep.result(job, self._results[job].factors)
            if self._has_begun(result) and result.status in ENDED:
                self._settled.add(job)
                if self._live is None:
                    self._say(result)
        if self._live is not None:
            self._live.update(self.picture())

    def _has_begun(self, result: Result) -> bool:
        """Whether a job has been at work since this command began."""
        return result.record != self._before[result.job]

    def _say(self, result: Result) -> None:
        self.console.print(self.headline())
        self.console.print(
            Text.assemble(f"{result.status}: ", words_of(result), " ", outcome(result, self.metric))
        )
        if any(other.status not in ENDED for other in self._results.values()):
            # else the command ends with it
            self.console.print(self.ranking(MOST_ROWS))

    def headline(self) -> str:
        """How far the sweep has come."""
        ended = [result for result in self._results.values() if result.status in ENDED]
        failed = sum(result.status == "failed" for result in ended)
        parts = [f"{len(ended)} of {len(self._results)} jobs done"]
        parts += [f"{failed} failed"] if failed else []
        newly = [result for result in ended if self._has_begun(result)]
        left = len(self._results) - len(ended)
        if newly and left:
            seconds = (time.monotonic() - self._started) / len(newly) * left
            parts.append(f"about {duration(seconds)} left")
        return f"Sweep {self.sweep.path.name}: {', '.join(parts)}"

    def picture(self) -> RenderableType:
        """Headline, running jobs, ranking: no taller than the terminal."""
        running = [r for r in self._results.values() if r.status == "running" and self._has_begun(r)]
        lines = [
            Text.assemble(
                "  ",
                words_of(result),
                f"  epoch {result.progress.get('epoch', 0)}/{result.progress.get('epochs', '?')}",
            )
            for result in running[:8]
        ]
        room = max(3, self.console.height - len(lines) - 7)
        return Group(self.headline(), *lines, self.ranking(min(room, MOST_ROWS)))

    def ranking(self, most: int) -> RenderableType:
        """The finished jobs, the best first."""
        return ranking(list(self._results.values()), self.metric, most)


def wide_console() -> Console:
    """Where no one watches, lines may be long: a table that is folded cannot be read again."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=200)


def ranking(results: Sequence[Result], metric: str, most: int = MOST_ROWS) -> RenderableType:
    """A table of the finished jobs by a validation metric, the best first."""
    best = ranked(results, metric)
    if not best:
        return Text("")
    columns = [metric, *(name for name in SHOWN if name != metric)]
    table = Table(title=f"By {metric}, the best checkpoint of each job", title_justify="left")
    table.add_column("", justify="right")
    for key in best[0].factors:
        table.add_column(key)
    for name in columns:
        table.add_column(name, justify="right")
    table.add_column("seconds", justify="right")
    for place, result in enumerate(best[:most], start=1):
        numbers = [written(result, name) for name in columns]
        table.add_row(str(place), *map(Text, result.factors.values()), *numbers, f"{result.seconds:.0f}")
    more = len(best) - most
    return Group(table, f"{more} more in results.csv") if more > 0 else table


def written(result: Result, metric: str) -> str:
    """A metric to the digits that it is worth."""
    value = result.metrics.get(metric)
    return "" if value is None else f"{value:.{QUANTITIES[metric.split('/')[1]].digits}f}"


def words_of(result: Result) -> str:
    """A job in the words that tell it from the others."""
    return " ".join(f"{key}={value}" for key, value in result.factors.items())


def outcome(result: Result, metric: str) -> str:
    """What came of a job, in a few words."""
    if result.status == "failed":
        return str(result.record.get("error", ""))
    return f"{metric} {written(result, metric)}"


def duration(seconds: float) -> str:
    """Seconds in words that one can plan by."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
