"""Writes the page of a comparison: sentences first, then figures and pictures, then tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from jlml.comparison.decision_table import decision_table
from jlml.comparison.decisions import Decision
from jlml.comparison.groups import Group
from jlml.comparison.table_text import texts_of
from jlml.comparison.tables import Table
from jlml.evaluation.digits import NAME, weights_hash
from jlml.evaluation.document import embedder, environment, relative_url
from jlml.evaluation.explorer import NAME as EXPLORER
from jlml.evaluation.figure_files import write_figure
from jlml.evaluation.group_pictures import Section
from jlml.evaluation.record import Evaluation, is_figure
from jlml.evaluation.results import Figure
from jlml.evaluation.themes import Theme, main_tables, themes
from jlml.files import write_atomically

ANSWER = "answer.png"  # in the folder of a sweep
RATES = "rate_distortion"  # a chart that stands with the likelihoods


@dataclass(frozen=True)
class Page:
    """The content of `comparison.html`.

    Args:
        title: what is compared.
        sentences: what came out, by a description of what the compared groups share.
        decisions: all decisions about the main metrics, by the same descriptions.
        groups: all groups.
        charts: charts of the metrics.
        sections: pictures, by kind.
        failed: a sentence per failure. Drawing the sections can add some.
        sweep: folder of the sweep that is compared, if it is one.
    """

    title: str
    sentences: Mapping[str, Sequence[str]]
    decisions: Mapping[str, Sequence[Decision]]
    groups: Sequence[Group[Evaluation]]
    charts: Sequence[Figure]
    sections: Iterable[Section]
    failed: Sequence[str]
    sweep: str | int | None = None


def write_comparison(folder: Path, page: Page) -> None:
    """Writes `comparison.html` and its figures."""
    charts = {figure.name: write_figure(figure, folder) for figure in page.charts}
    rates = [charts.pop(RATES)] if RATES in charts else []
    sections = [written(section, folder) for section in page.sections]
    tables, all_themes = main_tables(page.groups), list(themes(page.groups))
    comparisons = [(shared, decision_table(some)) for shared, some in page.decisions.items() if some]
    text = environment.get_template("comparison.html").render(
        page=page,
        charts=[*charts.values(), *answer_of(page.sweep, folder)],
        rates=rates,
        sections=sections,
        summary=tables,
        has_explorer=(folder / EXPLORER).is_file(),
        themes=all_themes,
        columns=dict(chain.from_iterable(theme.columns.items() for theme in all_themes)),
        midpoints=midpoints(all_themes),
        comparisons=comparisons,
        explained=dict(zip(comparisons[0][1].header, comparisons[0][1].hints, strict=True))
        if comparisons
        else {},
        some_bold=any(
            has_bold(table) for table in [*tables, *(t for each in all_themes for t in each.tables)]
        ),
        embed=embedder(folder),
        link=partial(link_to, folder),
        feature_network=NAME,
        feature_hash=weights_hash(),
    )
    write_atomically(folder / "comparison.html", text)
    in_sections = [
        *(("", table) for table in tables),
        *((theme.title, table) for theme in all_themes for table in theme.tables),
        *((f"All comparisons: {shared}", table) for shared, table in comparisons),
    ]
    for name, content in texts_of(in_sections).items():
        write_atomically(folder / name, content)


def written(section: Section, folder: Path) -> dict[str, Any]:
    """A section whose figures are files."""
    figures = [write_figure(figure, folder) for figure in section.figures]
    return {**vars(section), "figures": figures}


def answer_of(sweep: str | int | None, folder: Path) -> Iterator[dict[str, str]]:
    """The figure of the factors of a sweep, which `train.py` has drawn, copied to the folder."""
    if sweep is None or not is_figure(Path(str(sweep)) / ANSWER):
        return
    write_atomically(folder / ANSWER, (Path(str(sweep)) / ANSWER).read_bytes())
    caption = (
        "The swept keys against each other, measured at the end of training. A VAE draws its codes there."
    )
    yield {"file": ANSWER, "caption": caption}


def midpoints(all_themes: Sequence[Theme]) -> list[Table]:
    """The tables that score the middles of random pairs."""
    return next((theme.tables for theme in all_themes if "midpoints" in theme.title), [])


def has_bold(table: Table) -> bool:
    """Whether a cell of a table is bold."""
    return any(cell.bold for row in table.rows for cell in row)


def link_to(folder: Path, evaluation: Evaluation) -> str:
    """The relative URL of a run's own report."""
    return relative_url(evaluation.folder.resolve() / "report.html", folder)
