"""Finds the runs in a list of folders, in a folder, or by a glob."""

import glob
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jlml.errors import UserError
from jlml.runs import Run

log = logging.getLogger(__name__)


def find_runs(given: Any, which: str) -> list[Run]:
    """The runs to compare, sorted by path, numbers in it by their size.

    Skips runs without the checkpoint and unfinished runs, unless they are named explicitly.

    Raises:
        UserError: a name is not a run, or there are fewer than two runs.
    """
    names = [str(name) for name in given] if isinstance(given, list) else [str(given)]
    missing = [name for name in names if not glob.has_magic(name) and not Path(name).is_dir()]
    if missing:
        raise UserError(f"runs={','.join(missing)}: no such folder. Name runs, folders of runs, or globs.")
    runs: dict[Path, Run] = {}
    for name in names:
        for run, was_named in runs_under(name):
            status = run.state()
            if not was_named and not (run.path / "checkpoints" / f"{which}.ckpt").is_file():
                log.warning("%s is left out: it has no %s checkpoint.", run.path, which)
            elif not was_named and status != "finished":
                log.warning("%s is left out: it is not finished (%s).", run.path, status)
            else:
                runs.setdefault(run.path.resolve(), run)
    if len(runs) < 2:
        found = f"only {next(iter(runs.values())).path}" if runs else "no run"
        raise UserError(
            f"runs={','.join(names)} finds {found}. Name at least two runs, a folder that contains them, or "
            "a glob in quotes. For a single run, use run=."
        )
    return [runs[path] for path in sorted(runs, key=natural_order)]


def natural_order(path: Path) -> list[tuple[float, str]]:
    """A key that sorts paths as text, but numbers in them by their size: 2 before 10."""
    parts = re.split(r"(\d+(?:\.\d+)?)", str(path))
    return [(float(part), "") if place % 2 else (0.0, part) for place, part in enumerate(parts)]


def runs_under(name: str) -> list[tuple[Run, bool]]:
    """The runs for one name, each with whether the name is that of the run itself."""
    if (Path(name) / "config.yaml").is_file():
        return [(Run.open(name), True)]
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else [name]
    # search the folder, or every folder that matches the glob
    return [
        (Run(config.parent), False)
        for match in matches
        for config in sorted(Path(match).rglob("config.yaml"))
        if (config.parent / "checkpoints").is_dir()
    ]


def common_folder(runs: Sequence[Run]) -> Path:
    """The innermost folder that contains all runs.

    Raises:
        UserError: it is the root of the file system.
    """
    common = Path(os.path.commonpath([run.path.resolve().parent for run in runs]))
    if common == Path(common.anchor):
        raise UserError("These runs have no folder in common. Name one for the results: output_dir=<folder>.")
    return common
