"""A sweep while it runs, as the terminal shows it: what runs, what is left, and the ranking so far."""

import threading
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from jlml.sweeps.folder import Result, Sweep
from jlml.sweeps.ranking import MOST_ROWS, outcome, ranking, values_in_words, wide_console

EVERY = 1.0  # seconds between two looks at the folder
MOST_RUNNING = 8  # jobs shown at work


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
        self._at_start = {job: result.record for job, result in self._results.items()}
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
        for job, before in self._results.items():
            if before.status != "finished":  # what has failed may be tried again
                now = self._results[job] = self.sweep.result(job, before.factors)
                if not now.is_pending and now.record != before.record and self._live is None:
                    self._print(now)
        if self._live is not None:
            self._live.update(self.picture())

    def _print(self, ended: Result) -> None:
        """A line about a job, and the ranking unless the summary follows."""
        line = f"{ended.status}: {values_in_words(ended)} {outcome(ended, self.metric)}"
        self.console.print(self.headline())
        self.console.print(Text(line))
        if any(result.is_pending for result in self._results.values()):
            self.console.print(self.ranking(MOST_ROWS))

    def headline(self) -> str:
        """How far the sweep has come."""
        results = self._results.values()
        pending = sum(result.is_pending for result in results)
        failed = sum(result.status == "failed" for result in results)
        parts = [f"{len(results) - pending} of {len(results)} jobs done"]
        parts += [f"{failed} failed"] if failed else []
        newly = sum(not result.is_pending and self._has_changed(result) for result in results)
        if newly and pending:
            seconds = (time.monotonic() - self._started) / newly * pending
            parts.append(f"about {duration(seconds)} left")
        return f"Sweep {self.sweep.path.name}: {', '.join(parts)}"

    def _has_changed(self, result: Result) -> bool:
        """Whether a job has been at work since this command started."""
        return result.record != self._at_start[result.job]

    def picture(self) -> RenderableType:
        """Headline, running jobs, ranking: no taller than the terminal."""
        running = [r for r in self._results.values() if r.status == "running" and self._has_changed(r)]
        lines = [
            Text(
                f"  {values_in_words(result)}  "
                f"epoch {result.progress.get('epoch', 0)}/{result.progress.get('epochs', '?')}"
            )
            for result in running[:MOST_RUNNING]
        ]
        room = max(3, self.console.height - len(lines) - 7)
        return Group(self.headline(), *lines, self.ranking(min(room, MOST_ROWS)))

    def ranking(self, most: int) -> RenderableType:
        """The finished jobs, the best first."""
        return ranking(list(self._results.values()), self.metric, most)


def duration(seconds: float) -> str:
    """Seconds in a unit that one can plan by."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
