"""Compares several runs: evaluates missing parts, groups the runs, and writes the comparison."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from jlml.comparison.csv_text import as_csv
from jlml.comparison.decision_table import decisions_csv
from jlml.comparison.descriptions import DATA
from jlml.comparison.factors import factors_of, title_in_words
from jlml.comparison.group_tables import groups_csv
from jlml.comparison.groups import Group, grouped, labels_of
from jlml.comparison.sentences import sentences
from jlml.comparison.tables import Table
from jlml.config import Config, experiment_of
from jlml.config.schema import Evaluate
from jlml.errors import UserError, printable, reason_of
from jlml.evaluation.comparison_page import Page, write_comparison
from jlml.evaluation.explorer import write_explorer
from jlml.evaluation.find import common_folder, find_runs
from jlml.evaluation.group_charts import group_charts
from jlml.evaluation.group_pictures import group_pictures
from jlml.evaluation.one import evaluate_run
from jlml.evaluation.record import Evaluation, earlier_parts, make_folder
from jlml.evaluation.themes import against_baselines, main_decisions, main_tables, pictures_scored
from jlml.files import write_atomically
from jlml.pictures.figures import figures_kept
from jlml.runs import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Groups of evaluated runs.

    Args:
        title: what is compared.
        sentences: what came out, for each set of groups that can be compared.
    """

    title: str
    sentences: dict[str, list[str]]
    groups: list[Group[Evaluation]]
    tables: list[Table]  # the main metrics
    folder: Path  # folder of the comparison
    failed: list[str]  # a sentence per failure


def compare_runs(given: Any, parts: Sequence[str], settings: Evaluate) -> Comparison:
    """Evaluates the runs and writes `comparison.html`, `summary.md`, CSV files and figures.

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
    decisions = dict(main_decisions(groups))
    warnings, notes = dict(against_baselines(groups)), dict(pictures_scored(groups))
    said = {
        shared: [*warnings.get(shared, []), *sentences(some), *notes.get(shared, [])]
        for shared, some in decisions.items()
        if some  # not of a single group
    }
    title = title_of(groups)
    texts = {
        "runs.csv": runs_csv(groups),
        "groups.csv": groups_csv(groups, [{"group": group.label} for group in groups]),
        "comparisons.csv": decisions_csv([*chain.from_iterable(decisions.values())]),
        "summary.md": summary_md(title, said),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)
    if "explorer" in parts:
        write_explorer(folder, title, groups, settings, failed)
    with figures_kept(settings.figures) if settings.figures else nullcontext():
        charts = list(group_charts(groups, failed))
        sections = group_pictures(groups, settings, failed)
        page = Page(title, said, decisions, groups, charts, sections, failed, settings.sweep)
        write_comparison(folder, page)
    return Comparison(title, said, groups, main_tables(groups), folder, failed)


def title_of(groups: Sequence[Group[Evaluation]]) -> str:
    """What is compared: ``2 models x 2 losses, 3 seeds each, MNIST``."""
    counts = sorted({len(group.runs) for group in groups})
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else f"{counts[0]} seeds each"
    seeds = "one seed each" if counts == [1] else seeds
    names = dict.fromkeys(group.first.content["data"]["name"] for group in groups)
    data = [DATA.get(name, name) for name in names]
    return ", ".join([title_in_words([group.levels for group in groups]), seeds, *data])


def summary_md(title: str, said: Mapping[str, Sequence[str]]) -> str:
    """The sentences as a Markdown file."""
    lines = [f"# {title}"]
    for shared, some in said.items():
        lines += ["", f"On {shared}:", "", *(f"- {sentence}" for sentence in some)]
    return "\n".join(lines) + "\n"


def evaluate_all(
    runs: Sequence[Run], parts: Sequence[str], settings: Evaluate
) -> tuple[list[Evaluation], list[str]]:
    """Evaluates all runs. Returns their evaluations, and a sentence per failure."""
    evaluations, failed = [], []
    console = Console(stderr=True, soft_wrap=True)  # names of runs stay whole
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
    configs = [named_alike(runs) for runs in experiments.values()]
    described = zip(labels_of(configs), factors_of(configs), experiments.values(), strict=True)
    return [group_of(label, levels, runs) for label, levels, runs in described]


def named_alike(runs: Sequence[Evaluation]) -> Config:
    """The config of the first run of a group, without its name if that is not the name of all."""
    alike = len({run.config.get("name") for run in runs}) == 1
    return runs[0].config | ({} if alike else {"name": None})


def group_of(label: str, levels: Mapping[str, str], runs: Sequence[Evaluation]) -> Group[Evaluation]:
    """A group of runs that differ only in their seed, sorted by seed."""
    in_order = sorted(runs, key=lambda run: run.config["seed"])
    seeds = [(run.config["seed"], run.config["data"].get("seed")) for run in in_order]
    return Group(label, in_order, levels, seeds)


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
        row = {"group": group.label, "run": content["run"], "tags": " ".join(content["tags"])}
        row |= {"seed": content["run_seed"]}
        row |= {key: content["choices"][key] for key in ("model", "loss")}
        row |= {"latent_dim": content["latent_dim"], "data": content["data"]["name"]}
        rows.append({**row, **metrics})
    return as_csv(list(dict.fromkeys(chain.from_iterable(rows))), rows)
