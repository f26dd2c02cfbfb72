"""Compares several runs: evaluates missing parts, groups the runs, and writes the comparison."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from jlml.comparison.csv_text import as_csv
from jlml.comparison.group_tables import groups_csv
from jlml.comparison.groups import Group, grouped, labels_of
from jlml.comparison.tables import Table
from jlml.config import experiment_of
from jlml.config.schema import Evaluate
from jlml.errors import UserError, printable, reason_of
from jlml.evaluation.document import write_comparison
from jlml.evaluation.figure_files import write_figure
from jlml.evaluation.find import common_folder, find_runs
from jlml.evaluation.group_charts import group_charts
from jlml.evaluation.group_pictures import group_pictures
from jlml.evaluation.one import evaluate_run
from jlml.evaluation.record import Evaluation, earlier_parts, make_folder
from jlml.evaluation.themes import main_tables, theme_tables
from jlml.files import write_atomically
from jlml.runs import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Groups of evaluated runs."""

    groups: list[Group[Evaluation]]
    tables: list[Table]  # the main metrics
    folder: Path  # folder of the comparison
    failed: list[str]  # a sentence per failure


def compare(given: Any, parts: Sequence[str], settings: Evaluate) -> Comparison:
    """Evaluates the runs and writes `comparison.html`, `runs.csv`, `groups.csv` and figures.

    Args:
        given: a list of folders, a folder that contains runs, or a glob.
        parts: names of `PARTS`.
        settings: settings of the evaluation, with the folder of the comparison.

    Raises:
        UserError: there are fewer than two runs, or none could be evaluated.
    """
    runs = find_runs(given, settings.checkpoint)
    evaluations, failed = evaluate_all(runs, parts, settings)
    if not evaluations:
        raise UserError(f"None of the {len(runs)} runs could be evaluated: {failed[0]}.")
    groups = experiments_in(evaluations)
    folder = Path(settings.output_dir) if settings.output_dir else common_folder(runs) / "comparison"
    make_folder(folder)
    write_atomically(folder / "runs.csv", runs_csv(groups))
    write_atomically(folder / "groups.csv", groups_csv(groups, [{"group": group.label} for group in groups]))
    figures = chain(group_charts(groups, failed), group_pictures(groups, settings, failed))
    written = [write_figure(figure, folder) for figure in figures]
    tables = main_tables(groups)
    write_comparison(folder, groups, [*tables, *theme_tables(groups)], written, failed)
    return Comparison(groups, tables, folder, failed)


def evaluate_all(
    runs: Sequence[Run], parts: Sequence[str], settings: Evaluate
) -> tuple[list[Evaluation], list[str]]:
    """Evaluates all runs. Returns their evaluations, and a sentence per failure."""
    evaluations, failed = [], []
    console = Console(stderr=True)
    for place, run in enumerate(runs, start=1):
        name = printable(run.path.name)
        console.print(f"{place} of {len(runs)}  {name}", highlight=False, markup=False, style="bold")
        try:
            missing = missing_parts(run, parts, settings)
            evaluation = evaluate_run(run, settings.checkpoint, missing, settings)
            evaluations.append(evaluation)
            failed += [f"{part} of {run.path.name}" for part in evaluation.failed]
        except Exception as error:  # the other runs can still be compared
            reason = reason_of(error)
            console.print(printable(reason), highlight=False, markup=False, style="red")
            failed.append(f"{run.path.name} ({reason})")
    return evaluations, failed


def missing_parts(run: Run, parts: Sequence[str], settings: Evaluate) -> list[str]:
    """The parts that still have to be evaluated, including those that failed before."""
    earlier = earlier_parts(run, settings.checkpoint, settings) if settings.reuse else {}
    there = [name for name, part in earlier.items() if part["status"] != "failed"]
    return [name for name in parts if name not in there]


def experiments_in(evaluations: Sequence[Evaluation]) -> list[Group[Evaluation]]:
    """Groups runs that differ only in their seed, sorted by seed."""
    distinct = list(without_copies(evaluations))
    experiments = grouped(distinct, lambda run: json.dumps(experiment_of(run.config), sort_keys=True))
    labels = labels_of([runs[0].config for runs in experiments.values()])
    return [
        Group(label, sorted(runs, key=lambda run: run.config["seed"]))
        for label, runs in zip(labels, experiments.values(), strict=True)
    ]


def without_copies(evaluations: Sequence[Evaluation]) -> Iterator[Evaluation]:
    """Keeps each checkpoint once. A copy would make the noise of the seeds look smaller."""
    seen: dict[str, str] = {}
    for evaluation in evaluations:
        checkpoint, name = evaluation.content["checkpoint"]["sha256"], evaluation.run.path.name
        if checkpoint in seen:
            log.warning("%s is left out: it is a copy of %s.", name, seen[checkpoint])
            continue
        seen[checkpoint] = name
        yield evaluation


def runs_csv(groups: Sequence[Group[Evaluation]]) -> str:
    """A CSV with one row per run and all its metrics."""
    rows: list[dict[str, object]] = []
    for group, content, metrics in ((g, run.content, run.metrics) for g in groups for run in g.runs):
        row = {"group": group.label, "run": content["run"], "seed": content["run_seed"]}
        row |= {key: content["choices"][key] for key in ("model", "loss")}
        row |= {"latent_dim": content["latent_dim"], "data": content["data"]["name"]}
        rows.append({**row, **metrics})
    return as_csv(list(dict.fromkeys(chain.from_iterable(rows))), rows)
