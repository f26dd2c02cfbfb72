"""Finds a run folder by its path or as `last`. Does not import torch, so a typo is answered at once."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from jlml.config import override
from jlml.config.schema import OUTPUTS
from jlml.errors import UserError, did_you_mean
from jlml.files import read_json

LAST = "last"


def last_replaced(given: str | int | Path, parent: str | Path = OUTPUTS) -> Path:
    """The given path, or for ``last`` the run below a folder that was started last.

    A file or folder that is called `last` is taken as such.
    """
    is_last = str(given) == LAST and not os.path.lexists(LAST)
    return last_run(Path(parent)) if is_last else Path(str(given))


def found_run(given: str | int | Path, parent: str | Path = OUTPUTS) -> Path:
    """The run folder at a path, or that of a checkpoint file in it, or the last run.

    Args:
        given: path, or ``last``. Hydra reads some names as numbers.
        parent: where to look for the last run.

    Raises:
        UserError: there is no such run.
    """
    path = last_replaced(given, parent)
    folder = path.parent.parent if path.suffix == ".ckpt" else path
    try:
        folder.stat()
        if (folder / "config.yaml").is_file():
            return folder
        reason, similar = "it has no config.yaml", []
    except (FileNotFoundError, NotADirectoryError):
        reason, similar = "there is no such folder", sorted(folder.parent.glob("*/config.yaml"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    hint = did_you_mean(str(folder), [str(file.parent) for file in similar])
    if (folder / "sweep.yaml").is_file():
        hint = f" It is a sweep: use {override('sweep', str(folder))}."
    raise UserError(
        f"{path} is not a run folder: {reason}.{hint} Name a folder that train.py created, a checkpoint in "
        "one, or last for the newest."
    )


def last_run(parent: Path) -> Path:
    """The run that was started or resumed last, anywhere below a folder, also in a sweep or a search.

    Raises:
        UserError: there is none.
    """
    latest = max(runs_below(parent), key=started, default=None)
    if latest is None:
        raise UserError(
            f"There is no run in {parent}, so last names none. Name a run folder, or output_dir=."
        )
    return latest


def runs_below(parent: Path) -> Iterator[Path]:
    """All run folders below a folder. Does not follow links, and skips folders that are being created."""
    for folder, below, files in os.walk(parent):
        # the logger wandb has files called config.yaml in its folder, which is among the runs
        below[:] = [name for name in below if not name.startswith(".") and name != "wandb"]
        if "config.yaml" in files:
            below.clear()  # no run contains another
            yield Path(folder)


def started(folder: Path) -> tuple[float, float]:
    """When a run was started or resumed, as it recorded it; else when its config was written.

    Also returns the latter, which decides between runs that started in the same second.
    """
    try:
        created = (folder / "config.yaml").stat().st_mtime
    except OSError:  # removed in the meantime
        return 0.0, 0.0
    recorded = read_json(folder / "metrics.json").get("started")
    try:
        return datetime.fromisoformat(recorded).timestamp(), created  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):  # missing or damaged
        return created, created
