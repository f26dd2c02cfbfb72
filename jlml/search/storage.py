"""Optuna's study of a search, where every process that runs the same command finds it."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from jlml.errors import UserError, first_line
from jlml.search.settings import Settings, refuse_another

BEAT, SILENCE = 30, 300  # seconds between two signs of life in a database, and without one until lost


def open_study(settings: Settings, storage: BaseStorage) -> optuna.Study:
    """The study of this search: a new one, or the one that is there.

    The caller holds the search's lock.

    Raises:
        UserError: the storage has another search of this name.
    """
    name, identity = settings.folder_name, settings.identity
    study = optuna.create_study(
        study_name=name, storage=storage, direction=settings.direction, load_if_exists=True
    )
    study.pruner = pruner_of(settings)
    there = study.user_attrs.get("search")
    if there is None:
        study.set_user_attr("search", identity)
    else:
        refuse_another(there, identity, name)
    return study


def journal(path: Path, lock: FileLock) -> BaseStorage:
    """A file that processes append to in turns.

    Its lock is the kernel's, so that it is free at once when its holder is killed; Optuna's own are files
    that stay behind for half a minute.
    """
    with lock:
        mend(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=cast("Any", lock)))


def mend(path: Path) -> None:
    """Drops a last line that was cut off, as by a power failure: Optuna reads no journal past one."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def database(url: str) -> BaseStorage:
    """A database that machines without a common file system share.

    Raises:
        UserError: it cannot be reached, without the URL, which may hold a password.
    """
    # SQLite's writers wait for each other, for this many seconds
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=BEAT,
                grace_period=SILENCE,
                heartbeat_stale_trial_callback=queue_again,
            )
    except Exception as error:  # whatever a driver raises, or that there is none
        reason = (
            type(error).__name__ if "://" in str(error) else f"{type(error).__name__}: {first_line(error)}"
        )
        raise UserError(f"search.storage cannot be used: {reason}.") from None


def queue_again(study: optuna.Study, lost: FrozenTrial) -> None:
    """Lets another machine try the values of a trial whose machine has fallen silent."""
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params=lost.params,
            distributions=lost.distributions,
            user_attrs={"again": lost.number},
        )
    )


def fail_silent(study: optuna.Study) -> None:
    """Gives up trials that have shown no sign of life for long; in a database only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


@contextmanager
def beating(storage: BaseStorage, trial_id: int) -> Iterator[None]:
    """Shows a database, inside, that someone works on the trial."""
    if isinstance(storage, JournalStorage):
        yield
        return
    database = cast("RDBStorage", storage)  # within Optuna's cache, which passes these calls on
    done = threading.Event()
    database.record_heartbeat(trial_id)

    def beat() -> None:
        while not done.wait(BEAT):
            try:
                database.record_heartbeat(trial_id)
            except Exception:  # the network may be back for the next one
                continue

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def pruner_of(settings: Settings) -> optuna.pruners.BasePruner:
    """Median pruning, where epochs count from one."""
    if not settings.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=settings.startup_trials, n_warmup_steps=settings.warmup_epochs + 1
    )


def sampler_of(settings: Settings, number: int) -> optuna.samplers.BaseSampler:
    """What proposes the values of a trial.

    Its draws depend on the search's seed and the trial's number alone: no two processes draw the same, and
    a search that was cut off goes on as it would have.
    """
    (seed,) = np.random.SeedSequence([settings.seed, number]).generate_state(1)
    return optuna.samplers.TPESampler(n_startup_trials=settings.startup_trials, seed=int(seed))
