"""Planes through the space of codes, decoded point by point."""

import torch
from torch import Tensor

from jlml.errors import UserError
from jlml.evaluation.findings import Figure
from jlml.evaluation.subject import Subject
from jlml.pictures.figures import manifold

SIDE = 20  # pictures along each axis
REGION = (0.005, 0.995)  # quantiles of the test codes along an axis
AROUND = (-0.3, 1.3)  # how far beyond its three images their plane is shown, in steps between them


def decoded_planes(subject: Subject) -> list[Figure]:
    """Along two axes, along two principal components, and through the codes of three test images."""
    if subject.latent_dim < 2:
        return []
    components = [along_components(subject)] if subject.latent_dim > 2 else []
    return [along_axes(subject), *components, through_images(subject)]


def check_planes(subject: Subject) -> None:
    """Refuses planes that are not there, before any work.

    Raises:
        UserError: naming what was asked for and what there is.
    """
    axes, images = subject.settings.plane_axes, subject.settings.plane_images
    if axes is not None and max(axes) > subject.latent_dim:
        raise UserError(
            f"plane.axes=[{axes[0]},{axes[1]}] is not possible with latent dim {subject.latent_dim}. "
            f"Use two different numbers from 1 to {subject.latent_dim}."
        )
    if images is not None and max(images) >= len(subject.test_labels):
        raise UserError(
            f"plane.images names test image {max(images)}. Use numbers from 0 to "
            f"{len(subject.test_labels) - 1}."
        )


def along_axes(subject: Subject) -> Figure:
    """Two latent dimensions vary, the others stay at their mean."""
    first, second = subject.settings.plane_axes or liveliest(subject)
    directions = torch.eye(subject.latent_dim)[[first - 1, second - 1]]
    others = " The other dimensions stay at their mean." if subject.latent_dim > 2 else ""
    origin = subject.test_codes.mean(0)
    origin[[first - 1, second - 1]] = 0  # so that the plane's coordinates are the codes' own
    caption = f"What the decoder makes of every point of the plane, over the region of test codes.{others}"
    return _plane(subject, "plane_axes", origin, directions, (f"z{first}", f"z{second}"), caption)


def liveliest(subject: Subject) -> tuple[int, int]:
    """The two dimensions, counted from 1, in which codes vary most: others may have collapsed."""
    first, second = subject.test_codes.var(0).argsort(descending=True, stable=True)[:2].sort().values.tolist()
    return first + 1, second + 1


def along_components(subject: Subject) -> Figure:
    """The plane in which the codes vary most."""
    mean = subject.test_codes.mean(0)
    _, axes = torch.linalg.eigh(torch.cov(subject.test_codes.T))
    directions = axes[:, [-1, -2]].T
    names = ("principal component 1", "principal component 2")
    caption = "The plane through the mean code along the two directions in which test codes vary most."
    return _plane(subject, "plane_components", mean, directions, names, caption)


def through_images(subject: Subject) -> Figure:
    """The plane that three test images span."""
    chosen = torch.tensor(subject.settings.plane_images or three_classes(subject))
    origin, first, second = subject.test_codes[chosen]
    ticks = torch.linspace(*AROUND, SIDE)
    marks = {
        f"test image {image}": place
        for image, place in zip(chosen.tolist(), ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), strict=True)
    }
    picture = manifold(
        _decoded(subject, origin, torch.stack([first - origin, second - origin]), ticks, ticks),
        AROUND,
        AROUND,
        "Decoded plane through three test images",
        ("towards the second image", "towards the third image"),
        marks,
    )
    caption = "The plane of codes that three test images span; the marks are where their own codes lie."
    return Figure("plane_images", picture, caption)


def three_classes(subject: Subject) -> list[int]:
    """The first test images of the first three classes that come."""
    seen: dict[int, int] = {}
    for position, label in enumerate(subject.test_labels.tolist()):
        seen.setdefault(label, position)
    return [*list(seen.values())[:3], 0, 0][:3]  # a tiny subset may have fewer classes


def _plane(
    subject: Subject, name: str, origin: Tensor, directions: Tensor, axes: tuple[str, str], caption: str
) -> Figure:
    """The region that test codes occupy along two orthonormal directions from an origin."""
    places = (subject.test_codes - origin) @ directions.T
    low, high = places.quantile(torch.tensor(REGION), dim=0)
    high = torch.maximum(high, low + 1e-3)  # codes may all be one
    x, y = (torch.linspace(float(a), float(b), SIDE) for a, b in zip(low, high, strict=True))
    picture = manifold(
        _decoded(subject, origin, directions, x, y),
        (float(x[0]), float(x[-1])),
        (float(y[0]), float(y[-1])),
        f"Decoded plane along {axes[0]} and {axes[1]}",
        axes,
    )
    return Figure(name, picture, caption)


def _decoded(subject: Subject, origin: Tensor, directions: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(rows, columns, H, W): the picture at origin + x u + y v."""
    second, first = torch.meshgrid(y, x, indexing="ij")
    codes = origin + torch.stack([first, second], -1).reshape(-1, 2) @ directions
    return subject.decode(codes).reshape(len(y), len(x), *subject.model.image_shape[1:])
