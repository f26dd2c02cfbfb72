"""Who trains which trial: processes share them, and take up what a dead one has left.

A process holds a lock on the folder of the trial that it trains. The kernel frees it when the process ends,
however it ends, so a running trial whose lock is free is nobody's: the next to come goes on with it, in the
same folder and from its last checkpoint. A trial keeps its number whoever trains it.
"""

import os
import socket
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, TrialState

from jlml.errors import UserError, reason_of
from jlml.files import refuse_links_out, write_atomically
from jlml.search.settings import Settings
from jlml.search.storage import database, fail_silent, journal, open_study, sampler_of

MOST_ATTEMPTS = 3  # a trial that kills its process, as for want of memory, must not do so for ever


@dataclass(frozen=True)
class Claim:
    """A trial that this process, and no other, may train."""

    trial: optuna.Trial
    folder: Path
    resumed: bool


class Trials:
    """The trials of a search, as all its processes see them.

    Args:
        settings: of the search.

    Raises:
        UserError: the folder or the storage cannot be used, or hold another search.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.locks = self.folder / ".locks"
        storage = database(settings.storage) if settings.storage else None
        refuse_links_out(self.folder)
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
            with self.alone():
                self.home = self._home()
                lock = FileLock(self.locks / "journal.lock")
                self.study = open_study(settings, storage or journal(self.folder / "journal.log", lock))
        except OSError as error:
            raise UserError(f"No search can be kept in {self.folder}: {error.strerror}.") from error
        except Exception as error:  # a damaged journal can make Optuna raise anything
            if isinstance(error, UserError) or self._has_database:
                raise
            raise UserError(f"{self.folder} has no journal of a search: {reason_of(error)}.") from error

    def alone(self) -> FileLock:
        """A lock: inside, no other process of this folder decides anything."""
        return FileLock(self.locks / "search.lock")

    def _home(self) -> str:
        """Tells this folder from one on another machine that shares the database, but no files."""
        path = self.locks / "home"
        if not path.exists():
            write_atomically(path, uuid.uuid4().hex)
        return path.read_text(encoding="utf-8")

    def all(self) -> list[FrozenTrial]:
        """Every trial that counts, by number: not those that another has replaced."""
        trials = self.study.get_trials(deepcopy=False)
        replaced = {trial.user_attrs.get("again") for trial in trials}
        return [t for t in trials if t.number not in replaced and "surplus" not in t.user_attrs]

    def folder_of(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / f"trial-{number:04d}"

    @contextmanager
    def next(self) -> Iterator[Claim | None]:
        """A trial to train inside, or None if all are done or taken."""
        with self.alone():
            taken = self._abandoned() or self._fresh()
        if taken is None:
            yield None
            return
        claim, lock = taken
        try:
            yield claim
        finally:
            lock.release()

    def _lock(self, number: int) -> FileLock | None:
        """The lock of a trial, if it is free."""
        lock = FileLock(self.locks / f"trial-{number:04d}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock

    def _abandoned(self) -> tuple[Claim, FileLock] | None:
        """A trial that was begun here and that no living process trains."""
        for trial in self.all():
            if trial.state != TrialState.RUNNING or not self._is_of_here(trial):
                continue
            lock = self._lock(trial.number)
            if lock is None:
                continue
            # its process may have finished it, and let go, since we looked
            (now,) = (t for t in self.study.get_trials(deepcopy=False) if t.number == trial.number)
            if now.state != TrialState.RUNNING:
                lock.release()
            elif now.user_attrs.get("attempts", 0) >= MOST_ATTEMPTS:
                taken = optuna.Trial(self.study, now._trial_id)
                taken.set_user_attr("error", f"its process ended {MOST_ATTEMPTS} times without a word")
                self.study.tell(taken, state=TrialState.FAIL)
                lock.release()
            else:
                return self._claim(optuna.Trial(self.study, now._trial_id), resumed=True), lock
        return None

    def _is_of_here(self, trial: FrozenTrial) -> bool:
        """Whether its folder is one of ours; in a journal all are."""
        return trial.user_attrs.get("home", None if self._has_database else self.home) == self.home

    @property
    def _has_database(self) -> bool:
        return self.settings.storage is not None

    def _fresh(self) -> tuple[Claim, FileLock] | None:
        """A new trial, while there are fewer than the search asks for."""
        if self._has_database:
            fail_silent(self.study)
        while True:
            counted = self.all()
            queued = any(trial.state == TrialState.WAITING for trial in counted)
            if not queued and len(counted) >= self.settings.trials:
                return None
            with warnings.catch_warnings():  # of a heartbeat, which `beating` gives
                warnings.simplefilter("ignore")
                trial = self.study.ask()
            # a machine that shares the database, but not our lock, may have asked at the same time
            before = sum(other.number < trial.number for other in self.all())
            if before >= self.settings.trials:
                trial.set_user_attr("surplus", True)
                self.study.tell(trial, state=TrialState.FAIL)
                continue
            lock = self._lock(trial.number)
            assert lock is not None, "a new trial's lock cannot be held"
            return self._claim(trial, resumed=False), lock

    def _claim(self, trial: optuna.Trial, resumed: bool) -> Claim:
        """Writes down who trains it."""
        folder = self.folder_of(trial.number)
        attributes = {
            "home": self.home,
            "place": f"{socket.gethostname()}:{folder.resolve()}",
            "process": os.getpid(),
            "attempts": trial.user_attrs.get("attempts", 0) + 1,
        }
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        self.study.sampler = sampler_of(self.settings, trial.number)
        return Claim(trial, folder, resumed)
