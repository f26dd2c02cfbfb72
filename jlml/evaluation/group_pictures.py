"""Pictures that compare groups of runs: the same images, on the same axes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from jlml.comparison.groups import Group
from jlml.config.schema import Evaluate
from jlml.errors import reason_of
from jlml.evaluation.record import Evaluation
from jlml.evaluation.results import Figure
from jlml.evaluation.samplers import SAMPLERS, draw_codes
from jlml.evaluation.subject import Images, Subject
from jlml.evaluation.themes import Groups
from jlml.pictures.decoded import first_of_each_class
from jlml.pictures.figures import Plane, mosaic, plane_of, scatters

PER_CLASS = 2
COLUMNS = 20
SCATTERED = 4000  # test images in a scatter
SHOWN_SAMPLERS = ("prior", "mixture")
SAME_CODES = " Models with the same latent dim decode the same codes."
LIMITS = ((-3.5, 3.5), (-3.5, 3.5))  # in standard deviations

Rows = list[tuple[str, Images]]


@dataclass(frozen=True)
class GroupPictures:
    """The pictures of one run of a group: reconstructions, codes and samples."""

    reconstructions: dict[str, Images]  # by kind of picture, the mean first
    plane: Plane
    samples: dict[str, dict[str, Images]]  # by sampler, then by kind of picture


def group_pictures(groups: Groups, settings: Evaluate, failed: list[str]) -> Iterator[Figure]:
    """Reconstructions, codes and samples of every group, from the test images of the first group.

    A group with other test images is left out, because it may have been trained on these. Pictures that
    cannot be drawn are added to ``failed``.
    """
    which = settings.checkpoint
    reference = Subject(groups[0].first.run, which, settings)
    chosen = first_of_each_class(reference.data.test_labels, PER_CLASS)
    scattered = reference.test_order[:SCATTERED]
    shown: dict[str, GroupPictures] = {}
    others = []
    for group in groups:  # one model in memory at a time
        try:
            subject = Subject(with_seed(group, reference.config["seed"]).run, which, settings)
            if torch.equal(subject.data.test_images, reference.data.test_images):
                shown[group.label] = pictures_of(subject, chosen, scattered)
            else:
                others.append(group.label)
        except Exception as error:  # the other groups can still be shown
            failed.append(f"pictures of {group.label} ({reason_of(error)})")
    if not shown:
        return
    left_out = f" Left out, because their test images differ: {', '.join(others)}." if others else ""
    original = ("original", reference.test_images[chosen])
    rows = rows_of(original, {label: some.reconstructions for label, some in shown.items()})
    yield Figure(
        "reconstructions",
        mosaic(rows, "Test images and their reconstructions"),
        f"The first {PER_CLASS} test images of each class, through one run of each group.{left_out}",
    )
    planes = {label: some.plane for label, some in shown.items()}
    yield codes(planes, reference.data.test_labels[scattered], reference)
    real = ("real test images", reference.test_images[reference.test_order[:COLUMNS]])
    for sampler in SHOWN_SAMPLERS:
        drawn = {label: some.samples[sampler] for label, some in shown.items() if sampler in some.samples}
        rows = rows_of(real, drawn)
        yield Figure(
            f"samples_{sampler}",
            mosaic(rows, f"New images: {SAMPLERS[sampler]}"),
            f"Decoded draws: {SAMPLERS[sampler]}.{SAME_CODES if sampler == 'prior' else ''}",
        )


def with_seed(group: Group[Evaluation], seed: int) -> Evaluation:
    """The group's run with this seed, on which the split can depend; otherwise the first run."""
    return next((run for run in group.runs if run.config["seed"] == seed), group.first)


def pictures_of(subject: Subject, chosen: Tensor, scattered: Tensor) -> GroupPictures:
    """Reconstructions of the ``chosen`` test images, codes of the ``scattered`` ones, and new images."""
    new_codes = draw_codes(subject, COLUMNS)
    return GroupPictures(
        subject.pictures(subject.test_codes[chosen]),
        standardised(plane_of(subject.test_codes[scattered])),
        {name: subject.pictures(new_codes[name]) for name in SHOWN_SAMPLERS if name in new_codes},
    )


def standardised(plane: Plane) -> Plane:
    """Centres the points and divides them by one number: the scale of an autoencoder's codes is arbitrary."""
    points = plane.points - plane.points.mean(0)
    spread = points.square().mean().sqrt().clamp_min(torch.finfo(points.dtype).tiny)
    return Plane(points / spread, ("", ""))


def rows_of(first: tuple[str, Images], kinds: Mapping[str, Mapping[str, Images]]) -> Rows:
    """The rows of a mosaic: the first row, then a row for each group and kind of picture."""
    rows = [first]
    for label, pictures in kinds.items():
        rows += [(label if kind == "mean" else f"{label}: {kind}", some) for kind, some in pictures.items()]
    return rows


def codes(planes: dict[str, Plane], labels: Tensor, reference: Subject) -> Figure:
    """A scatter plot per group of the codes of the same test images, on the same axes."""
    picture = scatters(planes, labels, reference.data.class_names, columns=3, limits=LIMITS)
    caption = (
        f"Codes of the same {len(labels):,} test images. Codes with more than two dimensions are shown by "
        "their first two principal components. The scale of an autoencoder's codes is arbitrary, so each "
        "panel is centred and divided by its standard deviation. All axes have the same range."
    )
    return Figure("codes", picture, caption)
