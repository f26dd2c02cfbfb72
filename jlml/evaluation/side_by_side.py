"""Groups of runs in one figure: the same images, the same axes."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from jlml.callbacks.pictures import first_of_each_class
from jlml.evaluation.comparison import IN_SHORT, comparable_sets, heading
from jlml.evaluation.findings import Figure
from jlml.evaluation.groups import Group
from jlml.evaluation.quantities import quantity_of
from jlml.evaluation.samplers import SAMPLERS, draw_codes
from jlml.evaluation.subject import Settings, Subject
from jlml.plots import Plane, mosaic, plane_of, rate_distortion, scatters, strips

PER_CLASS = 2
COLUMNS = 20
SCATTERED = 4000  # test images in a scatter
SHOWN_SAMPLERS = ("prior", "mixture")
REACH = 3.5  # standard deviations that its axes show


def side_by_side(groups: Sequence[Group], which: str, settings: Settings) -> Iterator[Figure]:
    """Every figure; the first run of each group, that of the lowest seed, stands for it."""
    yield metrics_by_run(groups)
    yield from pictures(groups, which, settings)
    yield from rates(groups)


def pictures(groups: Sequence[Group], which: str, settings: Settings) -> Iterator[Figure]:
    """Reconstructions, codes and samples of every group: of the test images of the first one."""
    reference = Subject(groups[0].first.run, which, settings)
    chosen = first_of_each_class(reference.test_labels, PER_CLASS)
    images = reference.test_images[chosen]
    reconstructed: list[tuple[str, Tensor]] = [("original", images)]
    real = reference.test_images[reference.test_order[:COLUMNS]]
    drawn = {sampler: [("real test images", real)] for sampler in SHOWN_SAMPLERS}
    scattered = reference.test_order[:SCATTERED]
    planes = {}
    for group in groups:  # one model in memory at a time
        subject = Subject(group.first.run, which, settings)
        if subject.model.image_shape != reference.model.image_shape:
            continue
        reconstructed.append((group.label, subject.decode(subject.encode(images))))
        planes[group.label] = standardised(plane_of(subject.encode(reference.data.test_images[scattered])))
        new_codes = draw_codes(subject, COLUMNS)
        for sampler, rows in drawn.items():
            rows.append((group.label, subject.decode(new_codes[sampler])))
    yield Figure(
        "reconstructions",
        mosaic(reconstructed, "Test images and their reconstructions"),
        f"The first {PER_CLASS} test images of each class, through the first run of each group.",
    )
    yield codes(planes, reference)
    for sampler, rows in drawn.items():
        yield Figure(
            f"samples_{sampler}",
            mosaic(rows, f"New images: {SAMPLERS[sampler]}"),
            f"Decoded draws: {SAMPLERS[sampler]}. Models of one latent dim get the same random numbers.",
        )


def standardised(plane: Plane) -> Plane:
    """Centred, and divided by one number: an autoencoder's codes have any size."""
    points = plane.points - plane.points.mean(0)
    spread = points.square().mean().sqrt().clamp_min(torch.finfo(points.dtype).tiny)
    return Plane(points / spread, ("", ""))


def codes(planes: dict[str, Plane], reference: Subject) -> Figure:
    """The same test images' codes, on the same axes."""
    labels = reference.test_labels[reference.test_order[:SCATTERED]]
    limits = ((-REACH, REACH), (-REACH, REACH))
    picture = scatters(planes, labels, reference.class_names, columns=3, limits=limits)
    caption = (
        f"Codes of the same {len(labels):,} test images, more than two dimensions by their first two "
        "principal components. An autoencoder's codes have any size, so each panel is centred and divided "
        "by one number, its standard deviation: all axes run over the same range."
    )
    return Figure("codes", picture, caption)


def metrics_by_run(groups: Sequence[Group]) -> Figure:
    """A dot a run: what the seeds make of each number."""
    panels = {}
    for metric in (*IN_SHORT, "likelihood/rate"):
        values = {group.label: list(group.values(metric).values()) for group in groups}
        if any(values.values()):
            panels[f"{heading(metric)}\n{quantity_of(metric).unit}"] = values
    caption = "A dot a run. Where the dots of two rows mix, the seeds matter more than the choice."
    return Figure("metrics", strips(panels), caption)


def rates(groups: Sequence[Group]) -> Iterator[Figure]:
    """Rate against distortion where the distortions compare, and against mse, where all do."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    xlabels = {}
    for title, comparable in comparable_sets(groups, "Likelihood").items():
        panels[title] = pairs(comparable, "likelihood/distortion")
        xlabels[title] = "distortion (nats per image)"
    if not panels:
        return
    everywhere = "All VAEs by the common yardstick"
    having = [group for group in groups if group.values("likelihood/rate")]
    panels[everywhere] = pairs(having, "reconstruction/mse")
    xlabels[everywhere] = "mse per pixel"
    caption = (
        "A dot a run: what a code says about its image (rate) against what is lost (distortion). The lower "
        "left is better; along a line of slope -1 the ELBO is the same. Distortions of different observation "
        "models do not compare, so each has its panel; the last one holds all against the mse."
    )
    yield Figure("rate_distortion", rate_distortion(panels, xlabels), caption)


def pairs(groups: Sequence[Group], distortion: str) -> dict[str, list[tuple[float, float]]]:
    """(distortion, rate) of the runs of each group."""
    found = {}
    for group in groups:
        rate, lost = group.values("likelihood/rate"), group.values(distortion)
        found[group.label] = [(lost[seed], rate[seed]) for seed in rate if seed in lost]
    return {label: points for label, points in found.items() if points}
