"""Charts of groups of runs: metrics with a dot per run, and rate over distortion."""

from collections.abc import Iterator, Sequence

from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.errors import reason_of
from jlml.evaluation.parts.steps import LENGTHS
from jlml.evaluation.record import Evaluation
from jlml.evaluation.results import Figure
from jlml.evaluation.themes import MAIN, Groups, comparable_sets, heading
from jlml.pictures.figures import points_by_kind, strip

STEPS = "same_digit"

Points = dict[str, list[tuple[float, float]]]  # (x, y) of the runs of each group


def group_charts(groups: Groups, failed: list[str]) -> Iterator[Figure]:
    """All charts. A chart that cannot be drawn is added to ``failed``."""
    for draw in (metrics_by_run, rates, same_digits):
        try:
            yield from draw(groups)
        except Exception as error:  # the tables are more important than a chart
            failed.append(f"figure of {draw.__name__} ({reason_of(error)})")


def metrics_by_run(groups: Groups) -> Iterator[Figure]:
    """A figure per metric and set of comparable groups, with a dot per run: the noise of the seeds."""
    sets, kinds = comparable_sets(groups, MAIN), [group.label for group in groups]
    for number, (shared, comparable) in enumerate(sets, start=1):
        for metric in (*MAIN, "likelihood/rate"):
            values = {group.label: group.values(metric) for group in comparable if group.values(metric)}
            if values:
                title = f"{heading(metric)}, {quantity_of(metric).unit}"
                caption = f"{quantity_of(metric).meaning} On {shared}."
                name = f"metrics_{number}_{metric.replace('/', '_')}"
                yield Figure(name, strip(title, values, kinds), caption)


def rates(groups: Groups) -> Iterator[Figure]:
    """Rate over distortion for comparable runs, and rate over mse, which can always be compared."""
    panels: dict[str, Points] = {}
    labels = {}
    for metric, title, label in (
        ("likelihood/distortion", "", "distortion (nats per image)"),
        ("reconstruction_shown/mse", "By mse, a common metric: ", "mse per pixel"),
    ):
        for shared, comparable in comparable_sets(groups, [metric]):
            points = points_of(comparable, metric, "likelihood/rate")
            if points:
                panels[title + shared], labels[title + shared] = points, label
    if not panels:
        return
    caption = (
        "One dot per run: the information in the code (rate) over the reconstruction loss (distortion). "
        "Lower and further left is better; the ELBO is constant along a line of slope -1. Distortions of "
        "different observation models cannot be compared, so each model has its own panel. The mse compares "
        "all runs."
    )
    kinds = [group.label for group in groups]
    yield Figure("rate_distortion", points_by_kind(panels, labels, "rate (nats)", kinds), caption)


def same_digits(groups: Groups) -> Iterator[Figure]:
    """How often the picture of a code stays the same digit after a step, over the length of the step."""
    lengths = {length: f"steps/step_{length:g}/same_digit" for length in LENGTHS}
    for shared, comparable in comparable_sets(groups, [*lengths.values()]):
        means = {
            group.label: [
                (length, 100 * spread.mean)
                for length, metric in lengths.items()
                if (spread := group.spread(metric)) is not None
            ]
            for group in comparable
        }
        kinds = [group.label for group in groups]
        title = f"Same digit after a step, on {shared}"
        xlabel = {title: "length of the step (1: typical distance from the mean)"}
        caption = (
            "Codes move in random directions. How many of their pictures does the classifier still see as "
            "the same digit? The mean over the runs of a group."
        )
        yield Figure(STEPS, points_by_kind({title: means}, xlabel, "percent", kinds, joined=True), caption)


def points_of(groups: Sequence[Group[Evaluation]], x: str, y: str) -> Points:
    """The values of two metrics, by group, for the runs that have both."""
    points = {
        group.label: [
            (run.metrics[x], run.metrics[y]) for run in group.runs if x in run.metrics and y in run.metrics
        ]
        for group in groups
    }
    return {label: some for label, some in points.items() if some}
