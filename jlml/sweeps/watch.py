"""The terminal display of a running sweep: running jobs, progress and the ranking so far."""

import threading
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from jlml.sweeps.folder import Result, Sweep
from jlml.sweeps.ranking import MOST_ROWS, outcome, ranking, values_in_words, wide_console
from jlml.training.words import duration

EVERY = 1.0  # seconds between two reads of the folder
MOST_RUNNING = 8  # largest number of running jobs to show


class Watch:
    """Shows the progress of a sweep by reading its folder, so that jobs can run on any machine.

    In a terminal it updates a live display. Otherwise it prints a line after every job.

    Args:
        sweep: folder of the sweep.
        jobs: jobs of this command, with their values of the swept keys.
        metric: metric of the ranking, the lowest first.
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
            if before.status != "finished":  # a failed job may be tried again
                now = self._results[job] = self.sweep.result(job, before.factors)
                if not now.is_pending and now.record != before.record and self._live is None:
                    self._print(now)
        if self._live is not None:
            self._live.update(self.picture())

    def _print(self, ended: Result) -> None:
        """Prints a line about a job, and how far the sweep is."""
        words = f"{values_in_words(ended)}  {outcome(ended, self.metric)}  {duration(ended.seconds)}"
        self.console.print(Text(f"{ended.status}: {words}"))
        self.console.print(self.headline())

    def headline(self) -> str:
        """The number of finished and failed jobs, and the remaining time."""
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
        """Whether a job has run since this command started."""
        return result.record != self._at_start[result.job]

    def picture(self) -> RenderableType:
        """Headline, running jobs and ranking, not taller than the terminal."""
        running = [r for r in self._results.values() if r.status == "running" and self._has_changed(r)]
        lines = [
            Text(
                f"  {values_in_words(result)}  epoch {epoch_of(result)}/{result.progress.get('epochs', '?')}"
            )
            for result in running[:MOST_RUNNING]
        ]
        room = max(3, self.console.height - len(lines) - 7)
        return Group(self.headline(), *lines, self.ranking(min(room, MOST_ROWS)))

    def ranking(self, most: int) -> RenderableType:
        """The finished jobs, the best first."""
        return ranking(list(self._results.values()), self.metric, most)


def epoch_of(result: Result) -> int:
    """The epoch that a job is in, counted from one."""
    done, epochs = (result.progress.get(key) for key in ("epoch", "epochs"))
    if not isinstance(done, int) or not isinstance(epochs, int):  # not yet written
        return 1
    return min(done + 1, epochs)
