"""Tables of numbers, before anyone decides whether a terminal or a page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from jlml.comparison.quantities import QUANTITIES, Quantity

Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Cell:
    """What stands in a table's cell."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """Cells under a header; the first column names the rows."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    hints: Sequence[str] = ()  # one a column, for a reader who points at its head
    explained: bool = False  # whether the last column is a sentence


def number(metric: Mapping[str, Any] | None, quantity: Quantity, with_error: bool = True) -> str:
    """A value, and its standard error if it has one, to the digits that the quantity is worth."""
    if metric is None:
        return ""
    if metric["value"] is None:
        return "not finite"
    text = f"{metric['value']:.{quantity.digits}f}"
    error = metric.get("standard_error") if with_error else None
    return text if error is None else f"{text} ± {error:.{quantity.digits}f}"


def split_names(metrics: Metrics) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Metrics by what stands before the last word of their name; nothing does for most."""
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, metric in metrics.items():
        group, _, word = name.rpartition("/")
        groups.setdefault(group, {})[word] = metric
    return groups


def quantity_table(title: str, columns: Mapping[str, Metrics], narrow: bool = False) -> Table:
    """A row a quantity, a column for each of those that were measured, and what the quantity means.

    Where it must be ``narrow``, only the first column has standard errors.
    """
    words = [word for word in QUANTITIES if any(word in metrics for metrics in columns.values())]
    rows = []
    for word in words:
        quantity = QUANTITIES[word]
        values = [
            number(metrics.get(word), quantity, with_error=place == 0 or not narrow)
            for place, metrics in enumerate(columns.values())
        ]
        cells = (f"{quantity.label}{arrow(quantity)}", *values, quantity.unit, quantity.meaning)
        rows.append([Cell(text) for text in cells])
    return Table(title, ("", *columns, "unit", ""), rows, explained=True)


def matrix_table(title: str, groups: Mapping[str, Metrics], with_errors: bool = True) -> Table:
    """A row a group, a column a quantity."""
    words = [word for word in QUANTITIES if any(word in metrics for metrics in groups.values())]
    rows = [
        [
            Cell(name.replace("_", " ")),
            *(Cell(number(metrics.get(word), QUANTITIES[word], with_errors)) for word in words),
        ]
        for name, metrics in groups.items()
    ]
    header = ["", *(f"{QUANTITIES[word].label}{arrow(QUANTITIES[word])}" for word in words)]
    return Table(title, header, rows, ["", *(QUANTITIES[word].meaning for word in words)])


def arrow(quantity: Quantity) -> str:
    """Which way is better."""
    return {"lower": " ↓", "higher": " ↑", None: ""}[quantity.better]


def tables_of(part: str, parts: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """The tables of one part; of the baselines, with the run itself in the first column."""
    if part == "baselines":
        return [quantity_table("", beside_baselines(parts))]
    groups = split_names(parts[part].get("metrics", {}))
    own = groups.pop("", {})
    tables = [quantity_table("", {"value ± standard error": own})] if own else []
    classes = {name.split("/")[1]: some for name, some in groups.items() if name.startswith("by_class/")}
    if classes:
        tables.append(matrix_table("By class", classes))
    elif groups:
        tables.append(matrix_table("", groups))
    return tables


def summary_of(parts: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """What a terminal has room for."""
    likelihood = parts.get("likelihood", {}).get("metrics", {})
    columns = beside_baselines(parts)
    columns["this run"] = {**likelihood, **columns.get("this run", {})}
    tables = [quantity_table("", columns, narrow=True)] if any(columns.values()) else []
    groups = {part: split_names(parts.get(part, {}).get("metrics", {})) for part in ("generation", "tsne")}
    return tables + [matrix_table(part, some, with_errors=False) for part, some in groups.items() if some]


def beside_baselines(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Metrics]:
    """Reconstruction and codes of the run, of PCA and of the mean image."""
    own = {
        name: metric
        for part in ("reconstruction", "codes")
        for name, metric in parts.get(part, {}).get("metrics", {}).items()
        if "/" not in name
    }
    others = split_names(parts.get("baselines", {}).get("metrics", {}))
    names = {"pca": "PCA", "mean_image": "mean image"}
    return {"this run": own} | {words: others[name] for name, words in names.items() if name in others}


def as_rich(table: Table, title: str) -> RichTable:
    """A neutral table for the terminal, without the sentences that explain a quantity."""
    header = table.header[:-1] if table.explained else table.header
    shown = RichTable(title=Text(title, "table.title"), title_justify="left", padding=(0, 1, 0, 0))
    for place, name in enumerate(header):
        justify: JustifyMethod = "left" if place == 0 or name == "unit" else "right"
        shown.add_column(Text(name), justify=justify, no_wrap=place == 0, overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell.text, "bold" if cell.bold else "") for cell in row[: len(header)]))
    return shown
