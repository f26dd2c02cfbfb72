"""The tables of one evaluation, with the baselines for comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from jlml.comparison.quantities import QUANTITIES, formatted, quantity_of
from jlml.comparison.tables import Cell, Table

Metric = Mapping[str, Any]  # an entry of `metrics.json`
Metrics = Mapping[str, Metric]
Parts = Mapping[str, Mapping[str, Any]]


def metric_in_words(metric: Metric | None, name: str, with_error: bool = True) -> str:
    """The text of a value, with its standard error if it has one."""
    if metric is None:
        return ""
    if metric["value"] is None:
        return "not finite"
    return formatted(metric["value"], name, metric.get("standard_error") if with_error else None)


def split_names(metrics: Metrics) -> dict[str, dict[str, Metric]]:
    """Groups metrics by the prefix of their names. Most have an empty prefix."""
    groups: dict[str, dict[str, Metric]] = {}
    for name, metric in metrics.items():
        prefix, _, quantity = name.rpartition("/")
        groups.setdefault(prefix, {})[quantity] = metric
    return groups


def quantities_in(several: Sequence[Metrics]) -> list[str]:
    """The measured quantities, in the order of `QUANTITIES`, then those of a custom model."""
    found = dict.fromkeys(name for metrics in several for name in metrics)
    return [*(name for name in QUANTITIES if name in found), *(n for n in found if n not in QUANTITIES)]


def quantity_table(title: str, columns: Mapping[str, Metrics], narrow: bool = False) -> Table:
    """One row per quantity, with its explanation. A narrow table has errors only in its first column."""
    rows = []
    for name in quantities_in(list(columns.values())):
        quantity = quantity_of(name)
        values = [
            metric_in_words(metrics.get(name), name, with_error=place == 0 or not narrow)
            for place, metrics in enumerate(columns.values())
        ]
        rows.append([Cell(text) for text in (quantity.heading, *values, quantity.unit, quantity.meaning)])
    return Table(title, ("", *columns, "unit", ""), rows, explained=True)


def matrix_table(title: str, groups: Mapping[str, Metrics], with_errors: bool = True) -> Table:
    """One row per group of metrics, one column per quantity."""
    names = quantities_in(list(groups.values()))
    rows = [
        [
            Cell(group.replace("_", " ")),
            *(Cell(metric_in_words(metrics.get(name), name, with_errors)) for name in names),
        ]
        for group, metrics in groups.items()
    ]
    quantities = [quantity_of(name) for name in names]
    header = ["", *(quantity.heading for quantity in quantities)]
    return Table(title, header, rows, ["", *(quantity.meaning for quantity in quantities)])


def tables_of(part: str, parts: Parts) -> list[Table]:
    """The tables of one part. The table of the baselines has the run in its first column."""
    if part == "baselines":
        return [quantity_table("", with_baselines(parts))]
    groups = split_names(parts[part].get("metrics", {}))
    own = groups.pop("", {})
    tables = [quantity_table("", {"value ± standard error": own})] if own else []
    classes = {name.split("/")[1]: some for name, some in groups.items() if name.startswith("by_class/")}
    if classes:
        tables.append(matrix_table("By class", classes))
    elif groups:
        tables.append(matrix_table("", groups))
    return tables


def short_tables(parts: Parts) -> list[Table]:
    """Short tables for a terminal."""
    likelihood = parts.get("likelihood", {}).get("metrics", {})
    columns = with_baselines(parts)
    columns["this run"] = {**likelihood, **columns.get("this run", {})}
    tables = [quantity_table("", columns, narrow=True)] if any(columns.values()) else []
    groups = {part: split_names(parts.get(part, {}).get("metrics", {})) for part in ("generation", "tsne")}
    return tables + [matrix_table(part, some, with_errors=False) for part, some in groups.items() if some]


def with_baselines(parts: Parts) -> dict[str, Metrics]:
    """Scores of reconstructions and codes for the run, for PCA and for the mean image."""
    own = {
        name: metric
        for part in ("reconstruction", "codes")
        for name, metric in parts.get(part, {}).get("metrics", {}).items()
        if "/" not in name
    }
    others = split_names(parts.get("baselines", {}).get("metrics", {}))
    names = {"pca": "PCA", "mean_image": "mean image"}
    return {"this run": own, **{title: others[name] for name, title in names.items() if name in others}}
