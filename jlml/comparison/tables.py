"""Which of several groups of runs is better, where the difference is more than noise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jlml.comparison.csv_text import as_csv
from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.comparison.spread import Spread, best_of
from jlml.evaluation.record import Evaluation
from jlml.evaluation.tables import Cell, Table, arrow

SAMPLED = ("frechet_distance", "precision", "recall", "density", "coverage", "class_imbalance", "confidence")
THEMES = {
    "Reconstruction": [f"reconstruction/{word}" for word in ("mse", "squared_error", "bce", "psnr", "ssim")],
    "Codes": [
        f"codes/{word}"
        for word in (
            *("knn_1", "knn_5", "knn_15", "leave_one_out_5", "linear_probe"),
            *("trustworthiness", "continuity", "silhouette", "distance_correlation"),
        )
    ],
    "Likelihood": [
        f"likelihood/{word}"
        for word in (
            *("elbo", "rate", "distortion", "importance_bound", "active_units"),
            *("mutual_information", "marginal_kl"),
        )
    ],
    "Samples from the prior": [f"generation/prior/{word}" for word in SAMPLED],
    "Samples from a mixture fitted to training codes": [f"generation/mixture/{word}" for word in SAMPLED],
    "Samples from the prior, shown as lambda": [f"generation/prior_lambda/{word}" for word in SAMPLED],
    "Samples from the mixture, shown as lambda": [f"generation/mixture_lambda/{word}" for word in SAMPLED],
}
IN_SHORT = (
    "reconstruction/mse",
    "reconstruction/bce",
    "codes/knn_5",
    "codes/trustworthiness",
    "generation/prior/frechet_distance",
    "generation/mixture/frechet_distance",
)
# rows of what is no run, under the runs: where each theme finds it
REFERENCES = {
    "Reconstruction": {"PCA": "baselines/pca", "mean image": "baselines/mean_image"},
    "Codes": {"PCA": "baselines/pca"},
    "Samples from the prior": {"real test images": "generation/real_test_images"},
    "Samples from a mixture fitted to training codes": {"real test images": "generation/real_test_images"},
    "Samples from the prior, shown as lambda": {"real test images": "generation/real_test_images"},
    "Samples from the mixture, shown as lambda": {"real test images": "generation/real_test_images"},
}


def spread_of(group: Group, metric: str) -> Spread | None:
    """The metric of a group's runs; None where it has none."""
    values = group.values(metric)
    return Spread(list(values.values()), len(group.evaluations)) if values else None


def comparison_table(
    title: str, groups: Sequence[Group], metrics: Sequence[str], references: Mapping[str, str] | None = None
) -> Table:
    """A row a group, a column a metric, mean and standard deviation over seeds; references below."""
    shown = [metric for metric in metrics if any(group.values(metric) for group in groups)]
    columns = [[spread_of(group, metric) for group in groups] for metric in shown]
    best = [best_of(column, quantity_of(metric)) for column, metric in zip(columns, shown, strict=True)]
    rows = [
        [
            Cell(group.label),
            Cell(str(len(group.evaluations))),
            *(
                Cell(
                    "" if column[place] is None else column[place].written(quantity_of(metric)),  # type: ignore[union-attr]
                    bold=winner == place,
                )
                for column, metric, winner in zip(columns, shown, best, strict=True)
            ),
        ]
        for place, group in enumerate(groups)
    ]
    for name, prefix in (references or {}).items():
        rows += reference_rows(name, prefix, groups, shown)
    quantities = [quantity_of(metric) for metric in shown]
    samplers = {metric.rpartition("/")[0] for metric in shown}
    header = ["", "seeds", *(heading(metric, named=len(samplers) > 1) for metric in shown)]
    return Table(title, header, rows, ["", "", *(quantity.meaning for quantity in quantities)])


def heading(metric: str, named: bool = True) -> str:
    """A column's name, with that of the sampler where there are several, and which way is better."""
    quantity = quantity_of(metric)
    sampler = f", {metric.split('/')[1]}" if named and metric.startswith("generation/") else ""
    return f"{quantity.label}{sampler}{arrow(quantity)}"


def reference_rows(
    name: str, prefix: str, groups: Sequence[Group], metrics: Sequence[str]
) -> Iterator[list[Cell]]:
    """What is no run: a row for each latent dim and number of training images, one value a seed."""
    kinds: dict[str, list[Group]] = {}
    sizes = {group.first.content["data"]["training_images"] for group in groups}
    for group in groups:
        content = group.first.content
        dim = f" d{content['latent_dim']}" if name == "PCA" else ""
        size = f", {content['data']['training_images']:,} training images" if len(sizes) > 1 else ""
        kinds.setdefault(f"{name}{dim}{size}", []).append(group)
    for kind, alike in kinds.items():
        seeds = {str(e.run.path): e.content["run_seed"] for group in alike for e in group.evaluations}
        spreads = []
        for metric in metrics:
            values: dict[int, float] = {}  # the split decides them, and the seed decides the split
            for group in alike:
                found = group.values(f"{prefix}/{metric.rpartition('/')[2]}")
                values |= {seeds[run]: value for run, value in found.items()}
            spreads.append(Spread(list(values.values())) if values else None)
        if any(spreads):
            cells = [
                Cell("" if spread is None else spread.written(quantity_of(metric)))
                for spread, metric in zip(spreads, metrics, strict=True)
            ]
            yield [Cell(kind), Cell(""), *cells]


def tables_in_short(groups: Sequence[Group]) -> list[Table]:
    """The main numbers: a table for each set of runs whose numbers compare."""
    sets = comparable_sets(groups, IN_SHORT)
    return [
        comparison_table(f"In short: {images}" if len(sets) > 1 else "In short", comparable, IN_SHORT)
        for images, comparable in sets.items()
    ]


def tables_by_theme(groups: Sequence[Group]) -> Iterator[Table]:
    """Every theme; one table for each set of runs whose numbers compare."""
    for theme, metrics in THEMES.items():
        sets = comparable_sets(groups, metrics, by_density=theme == "Likelihood")
        for key, comparable in sets.items():
            title = f"{theme}: {key}" if len(sets) > 1 or theme == "Likelihood" else theme
            table = comparison_table(title, comparable, metrics, REFERENCES.get(theme))
            if len(table.header) > 2:
                yield table


def comparable_sets(
    groups: Sequence[Group], metrics: Sequence[str], by_density: bool = False
) -> dict[str, list[Group]]:
    """The groups that have one of these metrics, in sets whose numbers compare, by what they share.

    That is the kind, number and size of test images, and, of likelihoods, the density.
    """
    sets: dict[str, list[Group]] = {}
    for group in groups:
        if any(group.values(metric) for metric in metrics):
            content = group.first.content
            shared = f"{content['observation_model']}, " if by_density else ""
            sets.setdefault(shared + images_of(content["data"], by_density), []).append(group)
    return sets


def images_of(data: Mapping[str, Any], in_short: bool = False) -> str:
    """The test images in words: equal words, comparable numbers."""
    count = f"{data['test_images']:,} test images"
    if in_short:  # the observation model says the rest
        return count
    size = " x ".join(str(side) for side in data["image_shape"][1:])
    fit = f" by {data['fit']}" if data["fit"] else ""
    return f"{count}, {data['pixels']} {data['name']}, {size}{fit}"


def runs_csv(groups: Sequence[Group]) -> str:
    """A row a run, a column a metric: every value there is."""
    evaluations = [(group, evaluation) for group in groups for evaluation in group.evaluations]
    names = metrics_of([evaluation for _, evaluation in evaluations])
    rows = []
    for group, evaluation in evaluations:
        content = evaluation.content
        row = {"group": group.label, "run": content["run"], "seed": content["run_seed"]}
        row |= {"model": content["choices"]["model"], "loss": content["choices"]["loss"]}
        row |= {"latent_dim": content["latent_dim"], "data": content["data"]["name"]}
        for part, result in evaluation.parts.items():
            row |= {f"{part}/{name}": metric["value"] for name, metric in result.get("metrics", {}).items()}
        rows.append(row)
    return as_csv(["group", "run", "seed", "model", "loss", "latent_dim", "data", *names], rows)


def metrics_of(evaluations: Sequence[Evaluation]) -> list[str]:
    """The names of all metrics, ``part/name``, that one of these has."""
    names = dict.fromkeys(
        f"{part}/{metric}"
        for evaluation in evaluations
        for part, result in evaluation.parts.items()
        for metric in result.get("metrics", {})
    )
    return list(names)


def groups_csv(groups: Sequence[Group]) -> str:
    """A row a group and metric: mean, standard deviation over seeds, and how many."""
    rows = []
    for group in groups:
        for metric in metrics_of(group.evaluations):
            spread = spread_of(group, metric)
            if spread is not None:
                quantity = quantity_of(metric)
                row: dict[str, Any] = {"group": group.label, "metric": metric, "unit": quantity.unit}
                row |= {"better": quantity.better or "", "seeds": len(spread.values), "mean": spread.mean}
                rows.append(row | {"standard_deviation": spread.deviation})
    return as_csv(["group", "metric", "unit", "better", "seeds", "mean", "standard_deviation"], rows)
