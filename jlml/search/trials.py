"""Distributes trials among processes, and retries trials whose process has ended.

A process holds a lock on a trial until its result is recorded. The kernel releases the lock when the process
ends, even if it is killed. So a running trial whose lock is free is stale. It is queued again, as Optuna does
it: as a new attempt with the same values, which resumes in the same folder from the last checkpoint. In a
database, Optuna's heartbeat tells which trials are stale.

Optuna numbers attempts. jlml numbers trials: all attempts at a trial have the same number.
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
    """Optuna missed a trial's heartbeats and gave it to another process, so this process has no result."""


class Trials:
    """The trials of a search, shared by all its processes.

    Args:
        settings: settings of the search.

    Raises:
        UserError: the folder or the storage cannot be used, or contains another search.
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
            with self.lock():
                storage = storage or journal(self.folder / "journal.log", self.locks / "journal.lock")
                self.study = open_study(settings, storage)
        except OSError as error:
            raise UserError(f"A search cannot be stored in {self.folder}: {error.strerror}.") from error
        except Exception as error:  # a damaged journal can make Optuna raise any error
            if isinstance(error, UserError) or self._in_database:
                raise
            raise UserError(f"{self.folder} has no journal of a search: {reason_of(error)}.") from error

    def lock(self) -> FileLock:
        """The lock for choosing a trial and for writing the files of the search."""
        return FileLock(self.locks / "search.lock")

    def all(self) -> list[FrozenTrial]:
        """The last attempt at every trial, by number."""
        latest: dict[int, FrozenTrial] = {}
        for attempt in self.study.get_trials(deepcopy=False):
            latest[first_attempt(attempt)] = attempt
        return list(latest.values())

    def number_of(self, attempt: int) -> int:
        """The number of a trial, given Optuna's number of one of its attempts."""
        # the number of first attempts before the trial's own first attempt
        attempts = self.study.get_trials(deepcopy=False)
        before = attempts[: first_attempt(attempts[attempt])]
        return sum(first_attempt(other) == other.number for other in before)

    def folder_of(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / f"trial-{number:04d}"

    def train_next(
        self, train: Callable[[optuna.Trial, int], float], report: Callable[[FrozenTrial, int], None]
    ) -> bool:
        """Trains a trial that no other process trains. Returns False if no trial is left.

        Args:
            train: trains a trial, given its number, and returns the metric.
            report: called with the trial and its number after the result is recorded.
        """
        with ExitStack() as held:
            choosing = held.enter_context(self.lock())
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
        """Queues stale trials again: running trials without a living process."""
        if self._in_database:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                optuna.storages.fail_stale_trials(self.study)
            return
        for stale in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            number = self.number_of(stale.number)
            with locked(self._lock_of(number)) as free:
                # its process may have recorded a result and released the lock in the meantime
                now = self.study.get_trials(deepcopy=False)[stale.number]
                if not free or now.state != TrialState.RUNNING:
                    continue
                if self.all()[number].number == now.number:  # otherwise queued by a process killed right here
                    retry(self.study, now)
                self.study.tell(now.number, state=TrialState.FAIL)


def first_attempt(attempt: FrozenTrial) -> int:
    """Optuna's number of the first attempt at the same trial."""
    return next(iter(earlier_attempts(attempt)), attempt.number)
