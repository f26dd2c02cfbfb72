"""The tables of one evaluation, with the baselines for comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from jlml.comparison.quantities import NATS, QUANTITIES, SAMPLED_FROM, formatted, quantity_of
from jlml.comparison.tables import Cell, Table
from jlml.evaluation.shown_scores import is_shown, with_kind

Metric = Mapping[str, Any]  # an entry of `metrics.json`
Metrics = Mapping[str, Metric]
Parts = Mapping[str, Mapping[str, Any]]

THIS = "this model"
BASELINES = {"pca": "PCA", "mean_image": "mean image", "pixels": "raw pixels"}
MAPS = {"tsne_codes": "t-SNE of the codes", "tsne_pixels": "t-SNE of the pixels"}


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
    """One row per quantity, with its explanation.

    A narrow table has errors only in its first column, and no unit but nats.
    """
    rows = []
    for name in quantities_in(list(columns.values())):
        quantity = quantity_of(name)
        values = [
            metric_in_words(metrics.get(name), name, with_error=place == 0 or not narrow)
            for place, metrics in enumerate(columns.values())
        ]
        heading = f"{quantity.heading}, nats" if narrow and quantity.unit == NATS else quantity.heading
        row = Cell(heading, note=quantity.meaning, link=quantity.link)
        rows.append([row, *map(Cell, values if narrow else [*values, quantity.unit])])
    return Table(title, ["", *columns, *([] if narrow else ["unit"])], rows)


def matrix_table(title: str, groups: Mapping[str, Metrics], narrow: bool = False) -> Table:
    """One row per group of metrics, one column per quantity. A narrow table has short names and no errors."""
    names = quantities_in(list(groups.values()))
    has_kinds = any(
        group.startswith("reconstructions_") or group.startswith("class_medians_") for group in groups
    )
    rows = [
        [
            Cell(MAPS.get(group, group.replace("_", " ")) if narrow else row_name(group, has_kinds)),
            *(Cell(metric_in_words(metrics.get(name), name, with_error=not narrow)) for name in names),
        ]
        for group, metrics in groups.items()
    ]
    quantities = [quantity_of(name) for name in names]
    return Table(
        title,
        ["", *(quantity.heading for quantity in quantities)],
        rows,
        hints=["", *(quantity.meaning for quantity in quantities)],
        links=["", *(quantity.link for quantity in quantities)],
    )


def row_name(group: str, has_kinds: bool = False) -> str:
    """The name of a set of images in words: ``samples from the prior, as lambda`` for prior_lambda.

    Args:
        group: first part of the names of its metrics.
        has_kinds: whether there are other pictures than the mean.
    """
    for name in (*SAMPLED_FROM, "reconstructions", "class_medians"):
        if group == name or group.startswith(f"{name}_"):
            kind = group[len(name) + 1 :] or ("mean" if has_kinds else "")
            words = f"samples from {SAMPLED_FROM[name]}" if name in SAMPLED_FROM else name.replace("_", " ")
            return f"{words}, as {kind}" if kind else words
    return MAPS.get(group, group.replace("_", " "))


def tables_of(part: str, parts: Parts, shown: str = "mean") -> list[Table]:
    """The tables of one part. The baselines stand beside the model's numbers, and have no table of their own.

    Args:
        part: name of the part.
        parts: results of all parts.
        shown: kind of picture that stands for the loss; its scores come first.
    """
    groups = split_names(parts[part].get("metrics", {}))
    if part == "baselines" and not {"reconstruction", "codes"}.isdisjoint(parts):
        groups = {"": groups.get("", {})}  # the angles of a linear autoencoder
    if part == "reconstruction":
        prefix = f"{shown}/by_class/" if shown in groups else "by_class/"
        by_class = {
            name.removeprefix(prefix): some for name, some in groups.items() if name.startswith(prefix)
        }
        as_shown = f", as {shown}" if shown in groups else ""
        columns = {**kinds_of(groups, shown), **baselines_of(parts, groups.get("", {}))}
        originals = {"test images": groups["test_images"]} if "test_images" in groups else {}
        table = quantity_table("", {**columns, **originals})
        return [table, *([matrix_table(f"By class{as_shown}", by_class)] if by_class else [])]
    own = groups.pop("", {})
    if part == "codes":
        factors = {name.removeprefix("factors/"): some for name, some in groups.items()}
        table = quantity_table("", {THIS: own, **baselines_of(parts, own)})
        return [table, *([matrix_table("Known factors", factors)] if factors else [])]
    if part == "objective":
        own = without_repeats(own, parts.get("reconstruction", {}).get("metrics", {}))
    tables = [quantity_table("", {"value": own})] if own else []
    groups = dict(sorted(groups.items(), key=lambda item: not is_shown(item[0], shown)))
    of_shown = f"{with_kind('class_medians', shown)}/"
    of_classes = {n.removeprefix(of_shown): some for n, some in groups.items() if n.startswith(of_shown)}
    others = {name: some for name, some in groups.items() if not name.startswith("class_medians")}
    medians = {
        name: some for name, some in groups.items() if name.startswith("class_medians") and "/" not in name
    }
    as_shown = "" if shown == "mean" else f", as {shown}"
    titled = {"": others, "Class medians": medians, f"The median of each class{as_shown}": of_classes}
    return [*tables, *(matrix_table(title, some) for title, some in titled.items() if some)]


def kinds_of(groups: Mapping[str, Metrics], shown: str) -> dict[str, Metrics]:
    """The scores of the reconstructions, by kind of picture, the one that stands for the loss first."""
    if shown not in groups:
        return {THIS: groups.get("", {})}
    return {f"{THIS}, as {shown}": groups[shown], "as mean": groups.get("", {})}


def baselines_of(parts: Parts, own: Metrics) -> dict[str, Metrics]:
    """The scores of PCA and of the mean image that the model has, too."""
    found = split_names(parts.get("baselines", {}).get("metrics", {}))
    columns = {
        title: {score: value for score, value in found[name].items() if score in own}
        for name, title in BASELINES.items()
        if name in found
    }
    return {title: metrics for title, metrics in columns.items() if metrics}


def without_repeats(metrics: Metrics, others: Metrics) -> dict[str, Metric]:
    """The metrics with a value that no earlier and no other one has. The NLL of an AE is its loss."""
    seen = {metric["value"] for metric in others.values()}
    kept = {}
    for name, metric in metrics.items():
        if metric["value"] not in seen:
            kept[name] = metric
            seen.add(metric["value"])
    return kept


def short_tables(parts: Parts, shown: str = "mean") -> list[Table]:
    """Short tables for a terminal: of the picture that stands for the loss, with errors in one column."""
    of_reconstruction = split_names(parts.get("reconstruction", {}).get("metrics", {}))
    own = {**of_reconstruction.get(shown if shown != "mean" else "", {})}
    for part in ("codes", "likelihood"):
        own |= {n: m for n, m in parts.get(part, {}).get("metrics", {}).items() if "/" not in n}
    title = THIS if shown == "mean" else f"{THIS}, as {shown}"
    own = {name: metric for name, metric in own.items() if name not in ("gradient_energy", "grey_share")}
    columns = {title: own, **baselines_of(parts, own)}
    tables = [quantity_table("", columns, narrow=True)] if own else []
    for part, name in (("generation", "Generated images"), ("tsne", "t-SNE")):
        groups = split_names(parts.get(part, {}).get("metrics", {}))
        if any(group.endswith(f"_{shown}") for group in groups):
            kept = [group for group in groups if is_shown(group, shown)]
            groups = {group.removesuffix(f"_{shown}"): groups[group] for group in kept}
            name += f", as {shown}"
        groups = {name: some for name, some in groups.items() if not name.startswith("class_medians")}
        if groups:
            tables.append(matrix_table(name, groups, narrow=True))
    return tables
