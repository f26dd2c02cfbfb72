"""The explorer of a comparison: one page with two runs, or a table of more runs that links to their pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from jlml.comparison.groups import Group, labels_of
from jlml.comparison.quantities import formatted, quantity_of
from jlml.config.schema import Evaluate
from jlml.errors import reason_of
from jlml.evaluation.document import environment, relative_url
from jlml.evaluation.explorer.page import NAME, PAGE, explorer_page, with_policy
from jlml.evaluation.record import Evaluation
from jlml.evaluation.subject import Subject
from jlml.files import write_atomically

COLUMNS = (
    *("reconstruction_shown/mse", "reconstruction_shown/bce", "reconstruction_shown/ssim", "codes/knn_5"),
    *("codes/trustworthiness", "generation/gaussian_shown/frechet_distance", "likelihood/rate"),
)


def write_explorer(
    folder: Path, title: str, groups: Sequence[Group[Evaluation]], settings: Evaluate, failed: list[str]
) -> None:
    """Writes `explorer.html` to the folder of a comparison. A failure is added to ``failed``."""
    runs = [run for group in groups for run in group.runs]
    try:
        page = two_runs(runs, settings) if len(runs) == 2 else None
        write_atomically(folder / NAME, page or table_page(folder, title, groups))
    except Exception as error:  # the comparison is more important
        failed.append(f"explorer ({reason_of(error)})")


def two_runs(runs: Sequence[Evaluation], settings: Evaluate) -> str | None:
    """The page of two runs; None if their test images differ, because it shows the same ones in both."""
    subjects = [Subject(each.run, settings.checkpoint, settings) for each in runs]
    labels = [*labels_of([run.config for run in runs])]
    if labels[0] == labels[1]:
        labels = [f"seed {run.config['seed']}" for run in runs]
    first, second = (subject.data.test_images for subject in subjects)
    if not torch.equal(first, second):
        return None
    return explorer_page(subjects, {"Comparison": "comparison.html"}, " or ".join(labels), labels)


def table_page(folder: Path, title: str, groups: Sequence[Group[Evaluation]]) -> str:
    """A table with a row per run, to sort and to filter, with links to the pages of each run."""
    factors = list(dict.fromkeys(factor for group in groups for factor in group.levels))
    measured = [name for name in COLUMNS if any(group.values(name) for group in groups)]
    header = [*factors, "seed", *(quantity_of(name).heading for name in measured)]
    rows = [*rows_of(groups, factors, measured, folder)]
    return with_policy(
        environment.get_template("runs.html").render(
            title=title,
            header=header,
            rows=rows,
            script=(PAGE / "table.js").read_text("utf-8"),
        )
    )


def rows_of(
    groups: Sequence[Group[Evaluation]], factors: Sequence[str], metrics: Sequence[str], folder: Path
) -> Iterator[dict[str, object]]:
    """The cells and links of each run."""
    for group in groups:
        for run in group.runs:
            cells = [group.levels.get(factor, "") for factor in factors] + [str(run.config["seed"])]
            cells += [formatted(run.metrics.get(name), name) for name in metrics]
            pages = {"explorer": NAME, "report": "report.html"}
            links = {
                name: relative_url(run.folder.resolve() / file, folder)
                for name, file in pages.items()
                if (run.folder / file).is_file()
            }
            yield {"cells": cells, "links": links}
