"""Compares several runs: finds them, evaluates what is not evaluated yet, and says which is better."""

import glob
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from jlml.comparison.groups import Group, grouped
from jlml.comparison.tables import groups_csv, runs_csv, tables_by_theme, tables_in_short
from jlml.errors import UserError, printable, reason_of
from jlml.evaluation.document import write_comparison
from jlml.evaluation.one import evaluate_run
from jlml.evaluation.record import earlier_parts, make_folder
from jlml.evaluation.side_by_side import side_by_side
from jlml.evaluation.subject import Settings
from jlml.evaluation.tables import Table
from jlml.files import write_atomically
from jlml.pictures.figures import as_png
from jlml.runs import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Groups of evaluated runs, where their comparison lies, and what went wrong."""

    groups: list[Group]
    tables: list[Table]  # the main numbers
    folder: Path
    failed: list[str]  # a sentence each


def compare(
    given: Any, which: str, parts: Sequence[str], settings: Settings, reuse: bool, output_dir: str | None
) -> Comparison:
    """Evaluates the runs and writes `comparison.html`, `runs.csv`, `groups.csv` and figures.

    Args:
        given: folders, a folder with runs below it, or a glob.
        which: `best` or `last` checkpoint of each.
        parts: names of `PARTS`.
        settings: how to evaluate.
        reuse: take over parts that are there already.
        output_dir: where the comparison goes; None for `comparison` in the folder that holds all runs.

    Raises:
        UserError: there are no two runs, or none could be evaluated.
    """
    runs = find_runs(given, which)
    evaluations, configs, failed = [], [], []
    console = Console(stderr=True)
    for place, run in enumerate(runs, start=1):
        name = printable(run.path.name)
        console.print(f"{place} of {len(runs)}  {name}", highlight=False, markup=False, style="bold")
        try:
            missing = missing_parts(run, which, parts, settings, reuse)
            evaluation = evaluate_run(run, which, missing, settings)
            configs.append(run.config(settings.trust))
            evaluations.append(evaluation)
            failed += [f"{name} of {run.path.name}" for name in evaluation.failed]
        except Exception as error:  # whatever is wrong with one run, the others can still be compared
            reason = reason_of(error)
            console.print(printable(reason), highlight=False, markup=False, style="red")
            failed.append(f"{run.path.name} ({reason})")
    if not evaluations:
        raise UserError(f"None of the {len(runs)} runs could be evaluated: {failed[0]}.")
    groups = grouped(evaluations, configs)
    folder = Path(output_dir) if output_dir else common_folder(runs) / "comparison"
    make_folder(folder)
    write_atomically(folder / "runs.csv", runs_csv(groups))
    write_atomically(folder / "groups.csv", groups_csv(groups))
    figures = []
    for figure in side_by_side(groups, which, settings, failed):
        assert not isinstance(figure.picture, list)
        write_atomically(folder / f"{figure.name}.png", as_png(figure.picture))
        figures.append({"file": f"{figure.name}.png", "caption": figure.caption})
    short = tables_in_short(groups)
    write_comparison(folder, groups, [*short, *tables_by_theme(groups)], figures, failed)
    return Comparison(groups, short, folder, failed)


def missing_parts(run: Run, which: str, parts: Sequence[str], settings: Settings, reuse: bool) -> list[str]:
    """Which parts are still to be evaluated, failed ones among them."""
    earlier = earlier_parts(run, which, settings) if reuse else {}
    there = [name for name, part in earlier.items() if part["status"] != "failed"]
    return [name for name in parts if name not in there]


def find_runs(given: Any, which: str) -> list[Run]:
    """The runs that a list, a folder or a glob means, sorted by path.

    Runs that were found and not named are left out if they lack the checkpoint or have not finished.

    Raises:
        UserError: a name is no run, or there are fewer than two.
    """
    names = [str(name) for name in given] if isinstance(given, list) else [str(given)]
    runs: dict[Path, Run] = {}
    for name in names:
        for run, was_named in runs_under(name):
            status = run.state()
            if not was_named and not (run.path / "checkpoints" / f"{which}.ckpt").is_file():
                log.warning("%s is left out: it has no %s checkpoint.", run.path, which)
            elif not was_named and status != "finished":
                log.warning("%s is left out: it has not finished (%s).", run.path, status)
            else:
                runs.setdefault(run.path.resolve(), run)
    if len(runs) < 2:
        found = f"only {next(iter(runs.values())).path}" if runs else "no run"
        raise UserError(
            f"runs={','.join(names)} finds {found}. Name at least two runs, a folder that holds them, or a "
            "glob in quotes; a single one with run=."
        )
    return [runs[path] for path in sorted(runs)]


def runs_under(name: str) -> list[tuple[Run, bool]]:
    """The runs that one name means, and whether it is the name of a run itself."""
    if (Path(name) / "config.yaml").is_file():
        return [(Run.open(name), True)]
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else [name]
    if not glob.has_magic(name) and not Path(name).is_dir():
        raise UserError(f"runs={name} is not a folder.")
    # a folder of a sweep is searched, and so is every folder that a glob finds
    return [
        (Run(config.parent), False)
        for match in matches
        for config in sorted(Path(match).rglob("config.yaml"))
        if (config.parent / "checkpoints").is_dir()
    ]


def common_folder(runs: Sequence[Run]) -> Path:
    """The folder that holds all of them.

    Raises:
        UserError: nothing but the root of the file system does.
    """
    common = Path(os.path.commonpath([run.path.resolve().parent for run in runs]))
    if common == Path(common.anchor):
        raise UserError("These runs have no folder in common. Say where results go: output_dir=<folder>.")
    return common
