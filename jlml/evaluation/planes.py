"""Decoded planes of the latent space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jlml.errors import UserError
from jlml.evaluation.results import Figure
from jlml.evaluation.subject import Subject
from jlml.metrics.pca import principal_axes
from jlml.pictures.decoded import name_of
from jlml.pictures.figures import COLUMNS, Picture, manifold, mosaic
from jlml.pictures.plane import decoded_grid, region_of

AROUND = (-0.3, 1.3)  # range of the plane through three images, which are at 0 and 1


@dataclass(frozen=True)
class CodePlane:
    """A plane of codes: origin + x u + y v."""

    name: str
    origin: Tensor  # (latent_dim,)
    directions: Tensor  # (2, latent_dim): u and v
    axes: tuple[str, str]  # names of the directions
    title: str
    caption: str
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # (x, y) by name


def decoded_planes(subject: Subject) -> list[Figure]:
    """Planes along two axes, along the first and last principal components, and through three test images."""
    if subject.model.latent_dim < 2:
        return []
    planes = [along_axes(subject)] + ([along_components(subject)] if subject.model.latent_dim > 2 else [])
    planes += [along_last_components(subject)] if subject.model.latent_dim > 3 else []
    figures = [over_region(subject, plane) for plane in planes]
    ticks = torch.linspace(*AROUND, COLUMNS)
    chosen = chosen_images(subject)
    return [
        *figures,
        decoded(subject, through_images(subject, chosen), ticks, ticks),
        originals(subject, chosen),
    ]


def over_region(subject: Subject, plane: CodePlane) -> Figure:
    """The decoded plane over the ranges of the settings, or the region of the test codes."""
    points = (subject.test_codes - plane.origin) @ plane.directions.T
    chosen = (subject.settings.plane.x, subject.settings.plane.y)
    x, y = (
        ticks if ends is None else torch.linspace(ends[0], ends[1], COLUMNS)
        for ticks, ends in zip(region_of(points, COLUMNS), chosen, strict=True)
    )
    return decoded(subject, plane, x, y)


def decoded(subject: Subject, plane: CodePlane, x: Tensor, y: Tensor) -> Figure:
    """The decoded image at every point of a grid in a plane."""
    return Figure(plane.name, drawn(subject, plane, x, y), plane.caption)


def drawn(subject: Subject, plane: CodePlane, x: Tensor, y: Tensor) -> Picture:
    """The picture of the decoded images at the points of a grid in a plane."""
    images = decoded_grid(subject.shown, x, y, plane.origin, plane.directions)
    limits = (float(x[0]), float(x[-1])), (float(y[0]), float(y[-1]))
    return manifold(images, *limits, plane.title, plane.axes, plane.marks)


def check_planes(subject: Subject) -> None:
    """Refuses settings of planes that are invalid for this run, before any work is done.

    Raises:
        UserError: the message has the given and the allowed values.
    """
    images = subject.settings.plane.images
    if subject.settings.plane.axes is not None:
        check_axes(subject, subject.settings.plane.axes)
    if images is not None and max(images) >= len(subject.data.test_labels):
        raise UserError(
            f"plane.images has {max(images)}, and there is no such test image: expected integers from 0 to "
            f"{len(subject.data.test_labels) - 1}."
        )


def check_axes(subject: Subject, axes: Sequence[int]) -> None:
    """Refuses anything but two different latent dimensions, counted from 1.

    Raises:
        UserError: with the given and the allowed values.
    """
    dims = subject.model.latent_dim
    if len(set(axes)) != 2 or not all(1 <= each <= dims for each in axes):
        raise UserError(
            f"plane.axes=[{','.join(map(str, axes))}] is invalid for latent dim {dims}: expected two "
            f"different integers from 1 to {dims}."
        )


def along_axes(subject: Subject) -> CodePlane:
    """The plane along the two latent dimensions that the settings name, or in which codes vary most."""
    return plane_along(subject, subject.settings.plane.axes)


def plane_along(subject: Subject, axes: Sequence[int] | None) -> CodePlane:
    """The plane along two latent dimensions, counted from 1. The others stay at their mean.

    Raises:
        UserError: the codes have no such dimensions.
    """
    if subject.model.latent_dim < 2:
        raise UserError("A decoded plane needs two latent dimensions, and this run has one.")
    if axes is not None:
        check_axes(subject, axes)
    first, second = axes or most_variable(subject.test_codes)
    origin = subject.test_codes.mean(0)
    origin[[first - 1, second - 1]] = 0  # makes the plane's coordinates equal to the codes'
    others = " The other dimensions stay at their mean." if subject.model.latent_dim > 2 else ""
    return CodePlane(
        "plane_axes",
        origin,
        torch.eye(subject.model.latent_dim)[[first - 1, second - 1]],
        (f"z{first}", f"z{second}"),
        f"Decoded plane along z{first} and z{second}",
        f"The decoded image at every point of the plane{where(subject)}.{others}",
    )


def most_variable(codes: Tensor) -> tuple[int, int]:
    """The two dimensions, counted from 1, in which codes vary most. Others may have collapsed."""
    variances = codes.var(0, correction=0)
    first, second = variances.argsort(descending=True, stable=True)[:2].sort().values.tolist()
    return first + 1, second + 1


def along_components(subject: Subject) -> CodePlane:
    """The plane along the first two principal components of the test codes."""
    axes = principal_axes(subject.test_codes)
    return CodePlane(
        "plane_components",
        axes.mean,
        axes.directions,
        ("component 1", "component 2"),
        "Decoded plane along two principal components",
        "The plane through the mean code along the two directions in which test codes vary most"
        f"{where(subject)}.",
    )


def along_last_components(subject: Subject) -> CodePlane:
    """The plane along the two principal components of the test codes in which they vary least."""
    dims = subject.model.latent_dim
    axes = principal_axes(subject.test_codes, dims)
    return CodePlane(
        "plane_last_components",
        axes.mean,
        axes.directions[-2:],
        (f"component {dims - 1}", f"component {dims}"),
        "Decoded plane along the two least important components",
        "The plane through the mean code along the two directions in which test codes vary least"
        f"{where(subject)}. If the pictures hardly differ, the code stores little there.",
    )


def where(subject: Subject) -> str:
    """The region of a plane, in words."""
    chosen = subject.settings.plane
    return (
        ", over the region of test codes"
        if chosen.x is None and chosen.y is None
        else ", over a chosen range"
    )


def chosen_images(subject: Subject) -> Tensor:
    """The indices of the three test images that span a plane."""
    return torch.tensor(subject.settings.plane.images or three_classes(subject.data.test_labels))


def originals(subject: Subject, chosen: Tensor) -> Figure:
    """The three images that span a plane, and their decoded codes."""
    labels, names = subject.data.test_labels, subject.data.class_names
    rows = [("original", subject.test_images[chosen]), ("decoded", subject.shown(subject.test_codes[chosen]))]
    numbers = chosen.tolist()
    named = [
        f"{image} ({name_of(image, labels, names)})" if labels[image] >= 0 else f"{image}"
        for image in numbers
    ]
    caption = "The three test images that span the plane above, with its origin first."
    return Figure("plane_originals", mosaic(rows, f"Test images {', '.join(named)}"), caption)


def through_images(subject: Subject, chosen: Tensor) -> CodePlane:
    """The plane through the codes of three test images."""
    origin, first, second = subject.test_codes[chosen]
    corners = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    return CodePlane(
        "plane_images",
        origin,
        torch.stack([first - origin, second - origin]),
        ("towards the second image", "towards the third image"),
        "Decoded plane through three test images",
        "The plane through the codes of three test images, which are marked with their numbers.",
        {f"{image}": corner for image, corner in zip(chosen.tolist(), corners, strict=True)},
    )


def three_classes(labels: Tensor) -> list[int]:
    """The first image of each of the first three classes, or the first images if there are fewer classes."""
    seen: dict[int, int] = {}
    for position, label in enumerate(labels.tolist()):
        seen.setdefault(label, position)
    others = [position for position in range(min(3, len(labels))) if position not in seen.values()]
    return [*list(seen.values())[:3], *others, 0, 0][:3]  # a tiny subset can have fewer images
