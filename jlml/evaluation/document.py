"""Writes reports as self-contained HTML files."""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from jlml.comparison.descriptions import observation_in_words
from jlml.comparison.groups import Group
from jlml.comparison.tables import Table
from jlml.evaluation.digits import NAME, weights_hash
from jlml.evaluation.record import Evaluation
from jlml.files import write_atomically

environment = Environment(
    loader=PackageLoader("jlml.evaluation"),
    autoescape=True,  # names and captions come from untrusted folders
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_comparison(
    folder: Path,
    groups: Sequence[Group[Evaluation]],
    tables: Sequence[Table],
    figures: Sequence[Mapping[str, str]],
    failed: Sequence[str],
) -> None:
    """Writes `comparison.html`. Its figures must already be in the folder."""
    page = environment.get_template("comparison.html").render(
        groups=groups,
        tables=tables,
        figures=figures,
        failed=failed,
        embed=embedder(folder),
        runs=sum(len(group.runs) for group in groups),
        densities=len({observation_in_words(group.first.config, all_options=False) for group in groups}),
        link=partial(link_to, folder),
        feature_network=NAME,
        feature_hash=weights_hash(),
    )
    write_atomically(folder / "comparison.html", page)


def link_to(folder: Path, evaluation: Evaluation) -> str:
    """The relative URL of a run's own report."""
    target = os.path.relpath(evaluation.folder.resolve() / "report.html", folder.resolve())
    return quote(Path(target).as_posix())


def embedder(folder: Path) -> Callable[[str], str]:
    """A function that returns a figure as a data URL, given its file name."""

    def embed(file: str) -> str:
        kind = "gif" if file.endswith(".gif") else "png"
        content = base64.b64encode((folder / Path(file).name).read_bytes()).decode()
        return f"data:image/{kind};base64,{content}"

    return embed
