"""Codes in the plane, coloured by class."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from matplotlib.figure import Figure
from torch import Tensor

from jlml.plots.canvas import Picture, rendered

COLOURS = [f"C{i}" for i in range(10)]  # matplotlib's ten


@dataclass(frozen=True)
class Plane:
    """Codes brought to two dimensions, and what the axes mean."""

    points: Float[Tensor, "codes 2"]
    axes: tuple[str, str]


def plane_of(codes: Float[Tensor, "codes latent"]) -> Plane:
    """2-D codes as they are; more by their first two principal components; one beside its rank.

    The sign of a component is arbitrary: here its largest entry is positive.
    """
    codes = codes.detach().float().cpu()
    dims = codes.shape[1]
    if dims == 2:
        return Plane(codes, ("z1", "z2"))
    if dims == 1:
        rank = codes[:, 0].argsort().argsort().float() / max(len(codes) - 1, 1)
        return Plane(torch.stack([codes[:, 0], rank], 1), ("z1", "rank of z1, from 0 to 1"))
    centred = codes - codes.mean(0)
    variances, components = torch.linalg.eigh(centred.T @ centred)
    first_two = components[:, [-1, -2]]
    largest = first_two.abs().argmax(0)
    first_two = first_two * torch.sign(first_two[largest, [0, 1]])
    shares = variances[[-1, -2]] / variances.sum().clamp_min(torch.finfo(variances.dtype).tiny)
    axes = [
        f"principal component {i + 1} ({100 * share:.1f} % of variance)" for i, share in enumerate(shares)
    ]
    return Plane(centred @ first_two, (axes[0], axes[1]))


def scatter(
    plane: Plane,
    labels: Int64[Tensor, " codes"],
    class_names: Sequence[str],
    limits: tuple[tuple[float, float], tuple[float, float]],
    title: str,
) -> Picture:
    """One point a code and one colour a class, inside the given (low, high) limits of the two axes."""
    figure = Figure(figsize=(7.5, 6.4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for number, name in enumerate(class_names):
        of_class = plane.points[labels == number].numpy()
        axes.plot(
            of_class[:, 0],
            of_class[:, 1],
            ".",
            ms=4.5,
            alpha=0.6,
            color=COLOURS[number % 10],
            label=name,
            mew=0,
        )
    axes.set(xlim=limits[0], ylim=limits[1], xlabel=plane.axes[0], ylabel=plane.axes[1], title=title)
    axes.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3, frameon=False)
    axes.grid(alpha=0.2)
    return rendered(figure)
