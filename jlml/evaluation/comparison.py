"""Which of several groups of runs is better, where the difference is more than noise."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import ttest_ind_from_stats

from jlml.evaluation.groups import Group
from jlml.evaluation.quantities import Quantity, quantity_of
from jlml.evaluation.tables import Cell, Table, arrow

SIGNIFICANT = 0.05
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
}


@dataclass(frozen=True)
class Spread:
    """A metric over the runs of a group."""

    values: Sequence[float]

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over seeds; None of a single run."""
        n = len(self.values)
        return math.sqrt(sum((v - self.mean) ** 2 for v in self.values) / (n - 1)) if n > 1 else None

    def written(self, quantity: Quantity) -> str:
        """Mean and standard deviation."""
        text = f"{self.mean:.{quantity.digits}f}"
        return text if self.deviation is None else f"{text} ± {self.deviation:.{quantity.digits}f}"


def best_of(spreads: Sequence[Spread | None], quantity: Quantity) -> int | None:
    """The place of the best group if it differs from every other by more than the seeds' noise.

    By Welch's t-test against each of the others, two-sided, at 5 %. None where there is no such group, no
    better direction, or a group of a single run, whose noise nobody knows.
    """
    present = [(place, spread) for place, spread in enumerate(spreads) if spread is not None]
    if quantity.better is None or len(present) < 2 or any(len(s.values) < 2 for _, s in present):
        return None
    sign = 1 if quantity.better == "higher" else -1
    place, best = max(present, key=lambda pair: sign * pair[1].mean)
    others = [spread for other, spread in present if other != place]
    return place if all(differ(best, other) for other in others) else None


def differ(one: Spread, other: Spread) -> bool:
    """Whether two means differ by more than the noise of their seeds."""
    if not one.deviation and not other.deviation:
        return one.mean != other.mean
    moments = [(s.mean, s.deviation or 0.0, len(s.values)) for s in (one, other)]
    test = ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False)
    return float(test.pvalue) < SIGNIFICANT


def spread_of(group: Group, metric: str) -> Spread | None:
    """The metric of a group's runs; None where it has none."""
    values = group.values(metric)
    return Spread(list(values.values())) if values else None


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
    """What is no run: a row for each latent dim, if that matters, over all runs of that dim."""
    by_dim: dict[int | None, list[Group]] = {}
    for group in groups:
        dim = int(group.first.content["latent_dim"]) if name == "PCA" else None
        by_dim.setdefault(dim, []).append(group)
    for dim, of_dim in by_dim.items():
        spreads = []
        for metric in metrics:
            values: dict[int, float] = {}  # the same for all runs of a seed: the split decides them
            for group in of_dim:
                values |= group.values(f"{prefix}/{metric.rpartition('/')[2]}")
            spreads.append(Spread(list(values.values())) if values else None)
        if any(spreads):
            cells = [
                Cell("" if spread is None else spread.written(quantity_of(metric)))
                for spread, metric in zip(spreads, metrics, strict=True)
            ]
            yield [Cell(name if dim is None else f"{name} d{dim}"), Cell(""), *cells]


def tables_by_theme(groups: Sequence[Group]) -> Iterator[Table]:
    """Every theme; one table for each set of runs whose numbers compare."""
    for theme, metrics in THEMES.items():
        for key, comparable in comparable_sets(groups, theme).items():
            title = theme if not key else f"{theme}: {key}"
            table = comparison_table(title, comparable, metrics, REFERENCES.get(theme))
            if len(table.header) > 2:
                yield table


def comparable_sets(groups: Sequence[Group], theme: str) -> dict[str, list[Group]]:
    """Groups whose numbers are of the same images, and if likelihoods, of the same density; by its name."""
    having = [group for group in groups if any(group.values(metric) for metric in THEMES[theme])]
    sets: dict[str, list[Group]] = {}
    for group in having:
        content = group.first.content
        data = content["data"]
        size = " x ".join(str(side) for side in data["image_shape"][1:])
        images = f"{data['test_images']:,} {data['pixels']} test images of {data['name']}, {size}"
        sets.setdefault(content["observation_model"] if theme == "Likelihood" else images, []).append(group)
    return sets if len(sets) > 1 or theme == "Likelihood" else {"": having} if having else {}


def runs_csv(groups: Sequence[Group]) -> str:
    """A row a run, a column a metric: every value there is."""
    evaluations = [(group, evaluation) for group in groups for evaluation in group.evaluations]
    names = dict.fromkeys(
        f"{part}/{metric}"
        for _, evaluation in evaluations
        for part, result in evaluation.parts.items()
        for metric in result.get("metrics", {})
    )
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


def groups_csv(groups: Sequence[Group]) -> str:
    """A row a group and metric: mean, standard deviation over seeds, and how many."""
    rows = []
    for group in groups:
        for part, result in group.first.parts.items():
            for name in result.get("metrics", {}):
                spread = spread_of(group, f"{part}/{name}")
                if spread is not None:
                    quantity = quantity_of(name)
                    rows.append(
                        {
                            "group": group.label,
                            "metric": f"{part}/{name}",
                            "unit": quantity.unit,
                            "better": quantity.better or "",
                            "seeds": len(spread.values),
                            "mean": spread.mean,
                            "standard_deviation": "" if spread.deviation is None else spread.deviation,
                        }
                    )
    return as_csv(["group", "metric", "unit", "better", "seeds", "mean", "standard_deviation"], rows)


def as_csv(header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """Comma-separated, with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
