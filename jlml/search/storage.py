"""Optuna's study of a search, stored in a journal file or a database that all its processes share."""

import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from jlml.config import compared, decisive, in_words
from jlml.errors import UserError, first_line
from jlml.runs.upgrade import upgrade_config
from jlml.search.settings import Settings

HEARTBEAT = 30  # seconds between two heartbeats of a trial in a database
GRACE = 120  # seconds without a heartbeat after which a trial is stale
ATTEMPTS = 3  # limits the retries of a trial that kills its process, for example for lack of memory


def open_study(settings: Settings, storage: BaseStorage) -> optuna.Study:
    """Creates the study of a search, or loads it. The caller must hold the search's lock.

    Raises:
        UserError: the storage has another search with this name.
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
            f"search.name={settings.name} is a different search: {in_words(differing)}. Choose another name."
        )
    return study


def journal(path: Path, lock: Path) -> BaseStorage:
    """A storage in a file to which all processes of a search append.

    Args:
        path: path of the journal.
        lock: path of its lock file.
    """
    return JournalStorage(JournalFileBackend(str(path), lock_obj=cast("Any", JournalLock(path, lock))))


class JournalLock:
    """The lock for appending to a journal.

    It is a lock of the kernel, which is released when its process ends. Optuna's own locks are files, which
    block others for half a minute after a kill. An incomplete last line is removed, because Optuna cannot
    read beyond one.
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
    """A storage in a database, with a heartbeat for every running trial. Optuna retries stale trials.

    Raises:
        UserError: it cannot be reached. The message omits the URL, which may contain a password.
    """
    try:
        for _ in range(2):
            with suppress(DatabaseError):  # another process may be creating the tables at this moment
                return connected(url)
            time.sleep(1)
        return connected(url)
    except Exception as error:  # a driver can raise any error, or is not installed
        reason = type(error).__name__
        reason += "" if "://" in str(error) else f": {first_line(error)}"
        raise UserError(f"search.storage cannot be used: {reason}.") from None


def connected(url: str) -> BaseStorage:
    """Connects to a database, and creates Optuna's tables if there are none."""
    options: dict[str, Any] = {}
    if url.startswith("sqlite"):
        # writers wait for each other this number of seconds; a connection is closed after each use
        options = {"connect_args": {"timeout": 60}, "poolclass": NullPool}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            url,
            engine_kwargs=options,
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=retry,
        )


def retry(study: optuna.Study, stale: FrozenTrial) -> None:
    """Queues a trial again after its process ended, unless `ATTEMPTS` processes of the trial were killed."""
    retries = ATTEMPTS - 1 + stale.user_attrs.get("interruptions", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(retries, inherit_intermediate_values=True)(study, stale)


def earlier_attempts(trial: FrozenTrial) -> list[int]:
    """Optuna's numbers of the earlier attempts at a trial, the first one first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)


def pruner_of(settings: Settings) -> optuna.pruners.BasePruner:
    """The pruner of a search: by the median. Epochs count from one."""
    if not settings.search.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=settings.search.startup_trials, n_warmup_steps=settings.search.warmup_epochs + 1
    )


def sampler_of(settings: Settings, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one trial.

    Its random numbers depend only on the search's seed and the trial's number. So processes propose different
    values, and a resumed search proposes what it would have proposed.
    """
    (seed,) = np.random.SeedSequence([settings.search.seed, number]).generate_state(1)
    return optuna.samplers.TPESampler(n_startup_trials=settings.search.startup_trials, seed=int(seed))
