"""Optuna's study of a search, in a journal file or a database, where all its processes find it."""

import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from jlml.config import compared, decisive, in_words
from jlml.errors import UserError, first_line
from jlml.runs.upgrade import upgrade_config
from jlml.search.settings import Settings

HEARTBEAT = 30  # seconds between two heartbeats of a trial in a database
GRACE = 120  # seconds without one after which the trial is stale
ATTEMPTS = 3  # a trial that kills its process, for example by lack of memory, must not do so forever


def open_study(settings: Settings, storage: BaseStorage) -> optuna.Study:
    """The study of this search: a new one, or the one that is there.

    Needs the search's lock.

    Raises:
        UserError: the storage has another search of this name.
    """
    study = optuna.create_study(
        study_name=settings.name,
        storage=storage,
        direction=settings.search.direction,
        pruner=pruner_of(settings),
        load_if_exists=True,
    )
    there = study.user_attrs.get("search")
    if there is None:
        study.set_user_attr("search", settings.identity)
        return study
    differing = compared(decisive(upgrade_config(there)), settings.identity)
    if differing:
        raise UserError(
            f"search.name={settings.name} is another search: {in_words(differing)}. Choose another name."
        )
    return study


def journal(path: Path, lock: Path) -> BaseStorage:
    """A file to which all processes of a search append.

    Args:
        path: of the file.
        lock: a file for its lock.
    """
    return JournalStorage(JournalFileBackend(str(path), lock_obj=cast("Any", JournalLock(path, lock))))


class JournalLock:
    """The lock under which one process at a time appends to a journal.

    It is the kernel's, which ends with its process. Optuna's own are files that a killed process leaves
    behind for half a minute. A last line that was cut off is dropped, because Optuna reads no journal past
    one.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self._path = path
        self._lock = FileLock(lock)

    def acquire(self) -> bool:
        self._lock.acquire()
        with self._path.open("r+b") as file:
            content = file.read()
            if not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        self._lock.release()


def database(url: str) -> BaseStorage:
    """A database, in which every running trial has a heartbeat. Optuna tries a trial again that lost it.

    Raises:
        UserError: it cannot be reached; without the URL, which may hold a password.
    """
    # SQLite's writers wait for each other, for this number of seconds
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=retry,
            )
    except Exception as error:  # whatever a driver raises, or that there is none
        reason = type(error).__name__
        reason += "" if "://" in str(error) else f": {first_line(error)}"
        raise UserError(f"search.storage cannot be used: {reason}.") from None


def retry(study: optuna.Study, stale: FrozenTrial) -> None:
    """Queues a trial again whose process has ended, unless it has killed `ATTEMPTS` of them."""
    retries = ATTEMPTS - 1 + stale.user_attrs.get("interruptions", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(retries, inherit_intermediate_values=True)(study, stale)


def earlier_attempts(trial: FrozenTrial) -> list[int]:
    """The numbers that Optuna gave to this trial when it was tried before, the first one first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)


def pruner_of(settings: Settings) -> optuna.pruners.BasePruner:
    """Median pruning, where epochs count from one."""
    if not settings.search.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=settings.search.startup_trials, n_warmup_steps=settings.search.warmup_epochs + 1
    )


def sampler_of(settings: Settings, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one trial.

    Its draws depend on the search's seed and the trial's number alone: no two processes draw the same, and
    a search that was cut off proposes what it would have proposed.
    """
    (seed,) = np.random.SeedSequence([settings.search.seed, number]).generate_state(1)
    return optuna.samplers.TPESampler(n_startup_trials=settings.search.startup_trials, seed=int(seed))
