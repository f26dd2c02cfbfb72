"""Groups of runs in one figure: the same images, the same axes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.comparison.tables import IN_SHORT, comparable_sets, heading
from jlml.errors import reason_of
from jlml.evaluation.findings import Figure
from jlml.evaluation.record import Evaluation
from jlml.evaluation.samplers import SAMPLERS, draw_codes
from jlml.evaluation.subject import Settings, Subject
from jlml.pictures.decoded import first_of_each_class
from jlml.pictures.figures import Plane, mosaic, plane_of, rate_distortion, scatters, strips

PER_CLASS = 2
COLUMNS = 20
SCATTERED = 4000  # test images in a scatter
SHOWN_SAMPLERS = ("prior", "mixture")
SAME_CODES = " Models of one latent dim decode the same codes."
REACH = 3.5  # standard deviations that its axes show


def side_by_side(
    groups: Sequence[Group], which: str, settings: Settings, failed: list[str]
) -> Iterator[Figure]:
    """Every figure that can be drawn; what cannot is said in ``failed``."""
    for draw in (metrics_by_run, rates):
        try:
            yield from draw(groups)
        except Exception as error:  # the tables are there, and a figure less is no reason to lose them
            failed.append(f"figure of {draw.__name__} ({reason_of(error)})")
    yield from pictures(groups, which, settings, failed)


@dataclass(frozen=True)
class Look:
    """How one group looks: pictures of the same test images, codes of the same, new images."""

    reconstructions: dict[str, Tensor]  # by kind of picture, the mean first
    plane: Plane
    samples: dict[str, dict[str, Tensor]]  # by sampler, by kind of picture


def pictures(groups: Sequence[Group], which: str, settings: Settings, failed: list[str]) -> Iterator[Figure]:
    """Reconstructions, codes and samples of every group: of the test images of the first one.

    A group of other test images is left out: they may be among those that it was trained on.
    """
    reference = Subject(groups[0].first.run, which, settings)
    chosen = first_of_each_class(reference.test_labels, PER_CLASS)
    scattered = reference.test_order[:SCATTERED]
    looks: dict[str, Look] = {}
    others = []
    for group in groups:  # one model in memory at a time
        try:
            subject = Subject(of_seed(group, reference.config["seed"]).run, which, settings)
            if torch.equal(subject.data.test_images, reference.data.test_images):
                looks[group.label] = look_at(subject, chosen, scattered)
            else:
                others.append(group.label)
        except Exception as error:  # the other groups can still be shown
            failed.append(f"pictures of {group.label} ({reason_of(error)})")
    if not looks:
        return
    left_out = f" Left out, for they have other test images: {', '.join(others)}." if others else ""
    original = ("original", reference.test_images[chosen])
    yield Figure(
        "reconstructions",
        mosaic(
            rows_of(original, {label: look.reconstructions for label, look in looks.items()}),
            "Test images and their reconstructions",
        ),
        f"The first {PER_CLASS} test images of each class, through one run of each group.{left_out}",
    )
    planes = {label: look.plane for label, look in looks.items()}
    yield codes(planes, reference.test_labels[scattered], reference)
    real = ("real test images", reference.test_images[reference.test_order[:COLUMNS]])
    for sampler in SHOWN_SAMPLERS:
        yield Figure(
            f"samples_{sampler}",
            mosaic(
                rows_of(real, {label: look.samples[sampler] for label, look in looks.items()}),
                f"New images: {SAMPLERS[sampler]}",
            ),
            f"Decoded draws: {SAMPLERS[sampler]}.{SAME_CODES if sampler == 'prior' else ''}",
        )


def look_at(subject: Subject, chosen: Tensor, scattered: Tensor) -> Look:
    """What a model makes of some of its test images, and new images."""
    new_codes = draw_codes(subject, COLUMNS)
    return Look(
        subject.pictures(subject.test_codes[chosen]),
        standardised(plane_of(subject.test_codes[scattered])),
        {sampler: subject.pictures(new_codes[sampler]) for sampler in SHOWN_SAMPLERS},
    )


def rows_of(first: tuple[str, Tensor], kinds: Mapping[str, Mapping[str, Tensor]]) -> list[tuple[str, Tensor]]:
    """The first row, then one for each group and kind of picture; the mean needs no name."""
    rows = [first]
    for label, pictures in kinds.items():
        rows += [(label if kind == "mean" else f"{label}: {kind}", some) for kind, some in pictures.items()]
    return rows


def of_seed(group: Group, seed: int) -> Evaluation:
    """The group's run of this seed, which decides the split of some sources; else the first."""
    return next((e for e in group.evaluations if e.content["run_seed"] == seed), group.first)


def standardised(plane: Plane) -> Plane:
    """Centred, and divided by one number: an autoencoder's codes have any size."""
    points = plane.points - plane.points.mean(0)
    spread = points.square().mean().sqrt().clamp_min(torch.finfo(points.dtype).tiny)
    return Plane(points / spread, ("", ""))


def codes(planes: dict[str, Plane], labels: Tensor, reference: Subject) -> Figure:
    """The same test images' codes, on the same axes."""
    limits = ((-REACH, REACH), (-REACH, REACH))
    picture = scatters(planes, labels, reference.class_names, columns=3, limits=limits)
    caption = (
        f"Codes of the same {len(labels):,} test images, more than two dimensions by their first two "
        "principal components. An autoencoder's codes have any size, so each panel is centred and divided "
        "by one number, its standard deviation: all axes run over the same range."
    )
    return Figure("codes", picture, caption)


def rates(groups: Sequence[Group]) -> Iterator[Figure]:
    """Rate against distortion where the distortions compare, and against mse, where all do."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    xlabels = {}
    for title, comparable in comparable_sets(groups, ("likelihood/rate",), by_density=True).items():
        panels[title] = pairs(comparable, "likelihood/distortion")
        xlabels[title] = "distortion (nats per image)"
    for images, comparable in comparable_sets(groups, ("likelihood/rate",)).items():
        title = f"By the common yardstick: {images}"
        panels[title] = pairs(comparable, "reconstruction/mse")
        xlabels[title] = "mse per pixel"
    panels = {title: kinds for title, kinds in panels.items() if kinds}
    if not panels:
        return
    caption = (
        "A dot a run: what a code says about its image (rate) against what is lost (distortion). The lower "
        "left is better; along a line of slope -1 the ELBO is the same. Distortions of different observation "
        "models do not compare, so each has its panel; by the mse they do."
    )
    yield Figure("rate_distortion", rate_distortion(panels, xlabels), caption)


def pairs(groups: Sequence[Group], distortion: str) -> dict[str, list[tuple[float, float]]]:
    """(distortion, rate) of the runs of each group."""
    found = {}
    for group in groups:
        rate, lost = group.values("likelihood/rate"), group.values(distortion)
        found[group.label] = [(lost[run], rate[run]) for run in rate if run in lost]
    return {label: points for label, points in found.items() if points}


def metrics_by_run(groups: Sequence[Group]) -> Iterator[Figure]:
    """A dot a run: what the seeds make of each number; a figure for each set of runs that compare."""
    for number, (images, comparable) in enumerate(comparable_sets(groups, IN_SHORT).items(), start=1):
        panels = {}
        for metric in (*IN_SHORT, "likelihood/rate"):
            values = {group.label: list(group.values(metric).values()) for group in comparable}
            if any(values.values()):
                panels[f"{heading(metric)}\n{quantity_of(metric).unit}"] = values
        caption = (
            f"A dot a run, {images}. Where the dots of two rows mix, the seeds matter more than the choice."
        )
        yield Figure("metrics" if number == 1 else f"metrics_{number}", strips(panels), caption)
