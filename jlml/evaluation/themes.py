"""The tables of a comparison, one per theme. Each table contains only groups that can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import log

from jlml.comparison.comparable import comparable_key, is_common_metric
from jlml.comparison.decisions import Decision, decisions_about
from jlml.comparison.descriptions import images_in_words, observation_in_words
from jlml.comparison.group_tables import spread_rows, text_of
from jlml.comparison.groups import Group, grouped
from jlml.comparison.quantities import SAMPLED_FROM, quantity_of
from jlml.comparison.spread import Spread
from jlml.comparison.tables import Cell, Table
from jlml.evaluation.parts.read_as import READINGS
from jlml.evaluation.record import Evaluation
from jlml.evaluation.shown_scores import has_other_picture

Groups = Sequence[Group[Evaluation]]

SAMPLED = ("frechet_distance", "precision", "recall", "density", "coverage", "class_imbalance", "confidence")
RECONSTRUCTED = ("mse", "squared_error", "bce", "psnr", "ssim")
THEMES = {
    "Reconstruction": [f"reconstruction_shown/{name}" for name in RECONSTRUCTED],
    "Codes": [
        f"codes/{name}"
        for name in (
            *("knn_1", "knn_5", "knn_15", "leave_one_out_5", "linear_probe"),
            *("trustworthiness", "continuity", "silhouette", "distance_correlation"),
        )
    ],
    "Likelihood": [
        f"likelihood/{name}"
        for name in (
            *("elbo", "rate", "distortion", "importance_bound", "active_units"),
            *("mutual_information", "marginal_kl"),
        )
    ],
    **{
        f"Read as the continuous Bernoulli by {reading}": [
            f"read_as/cont_bern_{reading}/{name}"
            for name in ("elbo", "distortion", "importance_bound", "nll")
        ]
        for reading in READINGS
    },
    **{
        f"Samples from {source}": [f"generation/{sampler}_shown/{name}" for name in SAMPLED]
        for sampler, source in SAMPLED_FROM.items()
    },
}
# the same scores for the mean images of losses that are shown by another picture
MEANS = {
    "Reconstruction, as mean images": [f"reconstruction/{name}" for name in RECONSTRUCTED],
    **{
        f"Samples from {source}, as mean images": [f"generation/{sampler}/{name}" for name in SAMPLED]
        for sampler, source in SAMPLED_FROM.items()
    },
}
MAIN = (
    "reconstruction_shown/mse",
    "reconstruction_shown/bce",
    "codes/knn_5",
    "codes/trustworthiness",
    "generation/gaussian_shown/frechet_distance",  # like for like: an AE has no prior
    "generation/mixture_shown/frechet_distance",
)
# reference rows below the runs of each theme: name -> prefix of its metrics
BASELINES = {"PCA": "baselines/pca", "mean image": "baselines/mean_image"}
REAL = {"real test images": "generation/real_test_images"}
REFERENCES = {
    "Reconstruction": BASELINES,
    "Reconstruction, as mean images": BASELINES,
    "Codes": {"PCA": "baselines/pca"},
    **{theme: REAL for theme in (*THEMES, *MEANS) if theme.startswith("Samples")},
}


def main_tables(groups: Groups) -> list[Table]:
    """The main metrics: one table per set of groups that can be compared."""
    sets = comparable_sets(groups, MAIN)
    return [
        comparison_table(f"Summary: {shared}" if len(sets) > 1 else "Summary", comparable, MAIN)
        for shared, comparable in sets
    ]


def pictures_scored(groups: Groups) -> Iterator[tuple[str, list[str]]]:
    """A sentence on which pictures are scored, for each set of comparable groups where it is not the mean."""
    for shared, comparable in comparable_sets(groups, MAIN):
        if has_other_picture(group.first.config for group in comparable):
            text = (
                "MSE, BCE and scores of samples are of the pictures that are shown: lambda of the continuous "
                "Bernoulli, which is not its mean, and the means of the others. The report also has them of "
                "all means."
            )
            yield shared, [text]


def against_baselines(groups: Groups) -> Iterator[tuple[str, list[str]]]:
    """A sentence on groups that reconstruct worse than PCA, for each set of comparable groups that has some.

    Without it, a better one of two bad models would look good. The mean is scored, as it is of PCA.
    """
    for shared, comparable in comparable_sets(groups, MAIN):
        of_pca, of_mean = (
            sum(is_worse(group, baseline) for group in comparable) for baseline in ("pca", "mean_image")
        )
        if of_pca or of_mean:
            text = (
                f"{of_pca} of {len(comparable)} groups have, with mean images, a larger MSE than PCA with as "
                f"many components, {of_mean} a larger one than the mean training image."
            )
            yield shared, [text]


def is_worse(group: Group[Evaluation], baseline: str) -> bool:
    """Whether the mean MSE of a group is larger than that of a baseline on the same splits."""
    own, other = (group.spread(name) for name in ("reconstruction/mse", f"baselines/{baseline}/mse"))
    return own is not None and other is not None and own.mean > other.mean


@dataclass(frozen=True)
class Theme:
    """The tables of one theme, with notes on how to read them."""

    title: str
    tables: list[Table]
    notes: list[str]

    @property
    def columns(self) -> dict[str, str]:
        """The meaning of each column."""
        pairs = (zip(table.header[2:], table.hints[2:], strict=True) for table in self.tables)
        return dict(chain.from_iterable(pairs))


def themes(groups: Groups) -> Iterator[Theme]:
    """Each theme with its tables: one per set of groups that can be compared."""
    by_lambda = has_other_picture(group.first.config for group in groups)
    for title, metrics in (THEMES | MEANS if by_lambda else THEMES).items():
        tables = [
            comparison_table(shared, comparable, metrics, REFERENCES.get(title))
            for shared, comparable in comparable_sets(groups, metrics)
        ]
        tables = [table for table in tables if len(table.header) > 2]
        if tables:
            yield Theme(title, tables, notes_of(title, groups, by_lambda))


def notes_of(theme: str, groups: Groups, by_lambda: bool) -> list[str]:
    """Notes on how to read the tables of a theme."""
    if theme.startswith(("Reconstruction", "Samples")) and theme in THEMES and by_lambda:
        return [
            "Scores of the pictures that are shown above: lambda for the continuous Bernoulli, otherwise the "
            "mean."
        ]
    if theme != "Likelihood":
        return []
    notes = []
    if len(comparable_sets(groups, THEMES[theme])) > 1:
        notes.append(
            "Nats of different densities cannot be compared, so each density has its own table. MSE, BCE and "
            "all scores of codes and samples can be compared between all runs."
        )
    runs = [run for group in groups for run in group.runs]
    if any(is_biased(run.metrics) for run in runs):
        count = min(map(images_in, runs))
        notes.append(
            "A mutual information below 0, or a KL(q(z) || p(z)) above the rate, is impossible and shows the "
            f"bias of both estimates: with {count:,} images the mutual information is at most "
            f"{log(count):.1f} nats, and too low even well below that. KL(q(z) || p(z)) is too high by the "
            "same amount."
        )
    return notes


def is_biased(metrics: Mapping[str, float]) -> bool:
    """Whether the estimates of the aggregate posterior of a run have impossible values."""
    return metrics.get("likelihood/mutual_information", 0.0) < 0


def main_decisions(groups: Groups) -> list[tuple[str, list[Decision]]]:
    """The decisions about the main metrics, for each set of groups that can be compared."""
    return [
        (shared, [decision for metric in MAIN for decision in decisions_about(comparable, metric)])
        for shared, comparable in comparable_sets(groups, MAIN)
    ]


def comparable_sets(groups: Groups, metrics: Sequence[str]) -> list[tuple[str, list[Group[Evaluation]]]]:
    """Sorts the groups that have one of these metrics into sets whose groups can be compared.

    Returns:
        For each set, a description of what its groups share, and the groups.
    """
    measured = [group for group in groups if any(group.values(metric) for metric in metrics)]
    sets = grouped(
        measured, lambda group: comparable_key(metrics, group.first.config, images_in(group.first))
    )
    return [(shared_by(some[0].first, metrics), some) for some in sets.values()]


def shared_by(evaluation: Evaluation, metrics: Sequence[str]) -> str:
    """A description of what runs must share with this run for these metrics to be compared."""
    count = f"{images_in(evaluation):,} test images"
    if all(map(is_common_metric, metrics)):
        return f"{count}, {images_in_words(evaluation.config)}"
    return f"{observation_in_words(evaluation.config, all_options=False)}, {count}"


def images_in(evaluation: Evaluation) -> int:
    """The number of test images."""
    return evaluation.content["data"]["test_images"]


def comparison_table(
    title: str, groups: Groups, metrics: Sequence[str], references: Mapping[str, str] | None = None
) -> Table:
    """One row per group, one column per metric: mean ± standard deviation over seeds; references below."""
    shown = [metric for metric in metrics if any(group.values(metric) for group in groups)]
    cells = spread_rows(groups, shown)
    rows = [
        [Cell(group.label), Cell(str(len(group.runs))), *row]
        for group, row in zip(groups, cells, strict=True)
    ]
    for name, prefix in (references or {}).items():
        rows += reference_rows(name, prefix, groups, shown)
    samplers = {metric.rpartition("/")[0] for metric in shown}
    header = ["", "seeds", *(heading(metric, with_sampler=len(samplers) > 1) for metric in shown)]
    return Table(title, header, rows, ["", "", *(quantity_of(metric).meaning for metric in shown)])


def heading(metric: str, with_sampler: bool = True) -> str:
    """The heading of a column, including the sampler for metrics of generated images."""
    quantity = quantity_of(metric)
    if with_sampler and metric.startswith("generation/"):
        sampler = metric.split("/")[1].removesuffix("_shown")
        quantity = quantity._replace(label=f"{quantity.label}, {sampler}")
    return quantity.heading


def reference_rows(name: str, prefix: str, groups: Groups, metrics: Sequence[str]) -> Iterator[list[Cell]]:
    """The rows of a reference: one per latent dim and number of training images.

    A reference depends only on the split, and the split on the seed, so each seed gives one value.
    """
    sizes = {group.first.content["data"]["training_images"] for group in groups}

    def kind_of(group: Group[Evaluation]) -> str:
        content = group.first.content
        dim = f" d{content['latent_dim']}" if name == "PCA" else ""
        size = f", {content['data']['training_images']:,} training images" if len(sizes) > 1 else ""
        return f"{name}{dim}{size}"

    for kind, alike in grouped(groups, kind_of).items():
        runs = [run for group in alike for run in group.runs]
        spreads = []
        for metric in metrics:
            reference = f"{prefix}/{metric.rpartition('/')[2]}"
            by_seed = {
                run.content["run_seed"]: run.metrics[reference] for run in runs if reference in run.metrics
            }
            spreads.append(Spread(list(by_seed.values())) if by_seed else None)
        if any(spreads):
            texts = [text_of(spread, metric) for spread, metric in zip(spreads, metrics, strict=True)]
            yield [Cell(kind), Cell(""), *map(Cell, texts)]
