"""Which process trains which trial, and what becomes of a trial whose process has ended.

A process holds the kernel's lock on a trial until its result is recorded. The lock ends with the process,
however that ends. A running trial whose lock is free is therefore stale: it is queued again as Optuna does
it, as a new attempt with the same values, which resumes in the same folder from the last checkpoint. In a
database Optuna's heartbeat says which trials are stale.

Optuna gives every attempt a number. Here a trial keeps the number of its first attempt, not counting
attempts in between.
"""

import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from jlml.errors import UserError, reason_of
from jlml.files import locked, refuse_links_out
from jlml.search.settings import Settings
from jlml.search.storage import database, earlier_attempts, journal, open_study, retry, sampler_of


class GivenAwayError(BaseException):
    """Optuna missed the heartbeats of a trial and gave it to another process, so it has no result here."""


class Trials:
    """The trials of a search, as all its processes see them.

    Args:
        settings: of the search.

    Raises:
        UserError: the folder or the storage cannot be used, or holds another search.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.locks = self.folder / ".locks"
        self._in_database = settings.search.storage is not None
        storage = database(settings.search.storage) if self._in_database else None
        refuse_links_out(self.folder)
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
            with self.alone():
                storage = storage or journal(self.folder / "journal.log", self.locks / "journal.lock")
                self.study = open_study(settings, storage)
        except OSError as error:
            raise UserError(f"No search can be kept in {self.folder}: {error.strerror}.") from error
        except Exception as error:  # a damaged journal can make Optuna raise anything
            if isinstance(error, UserError) or self._in_database:
                raise
            raise UserError(f"{self.folder} has no journal of a search: {reason_of(error)}.") from error

    def alone(self) -> FileLock:
        """A lock under which no other process of the search chooses a trial or writes a table."""
        return FileLock(self.locks / "search.lock")

    def all(self) -> list[FrozenTrial]:
        """The last attempt at every trial, by number."""
        latest: dict[int, FrozenTrial] = {}
        for attempt in self.study.get_trials(deepcopy=False):
            latest[first_attempt(attempt)] = attempt
        return list(latest.values())

    def number_of(self, attempt: int) -> int:
        """The number of a trial, given Optuna's number of one of its attempts."""
        attempts = self.study.get_trials(deepcopy=False)
        before = attempts[: first_attempt(attempts[attempt])]
        return sum(first_attempt(other) == other.number for other in before)

    def folder_of(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / f"trial-{number:04d}"

    def train_next(
        self, train: Callable[[optuna.Trial, int], float], report: Callable[[FrozenTrial, int], None]
    ) -> bool:
        """Trains a trial that no other process trains. False if there is none left.

        Args:
            train: trains it, given its number, and returns the metric.
            report: is called when the result is recorded.
        """
        with ExitStack() as held:
            choosing = held.enter_context(self.alone())
            self._queue_stale()
            trials = self.all()
            is_queued = any(trial.state == TrialState.WAITING for trial in trials)
            if len(trials) >= self.settings.search.trials and not is_queued:
                return False

            def objective(trial: optuna.Trial) -> float:
                number = self.number_of(trial.number)
                held.enter_context(locked(self._lock_of(number)))
                choosing.release()
                self.study.sampler = sampler_of(self.settings, number)
                try:
                    return train(trial, number)
                finally:
                    if self.study.get_trials(deepcopy=False)[trial.number].state != TrialState.RUNNING:
                        raise GivenAwayError

            def reported(_: optuna.Study, trial: FrozenTrial) -> None:
                report(trial, self.number_of(trial.number))

            with suppress(GivenAwayError):
                self.study.optimize(objective, n_trials=1, catch=(Exception,), callbacks=[reported])
        return True

    def _lock_of(self, number: int) -> Path:
        return self.locks / f"trial-{number:04d}.lock"

    def _queue_stale(self) -> None:
        """Queues again what no living process trains."""
        if self._in_database:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                optuna.storages.fail_stale_trials(self.study)
            return
        for stale in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            number = self.number_of(stale.number)
            with locked(self._lock_of(number)) as free:
                # its process may have recorded a result, and released the lock, since we looked
                now = self.study.get_trials(deepcopy=False)[stale.number]
                if not free or now.state != TrialState.RUNNING:
                    continue
                if self.all()[number].number == now.number:  # not yet queued by a process killed below
                    retry(self.study, now)
                self.study.tell(now.number, state=TrialState.FAIL)


def first_attempt(attempt: FrozenTrial) -> int:
    """The number that Optuna gave to the first attempt at the same trial."""
    return next(iter(earlier_attempts(attempt)), attempt.number)
