"""Scatter plots of codes, coloured by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from torch import Tensor

from jlml.metrics.pca import principal_axes
from jlml.pictures.figures.canvas import BlittedFigure, Picture, escaped, grid, rendered

Limits = tuple[tuple[float, float], tuple[float, float]]  # (low, high) of the two axes

COLOURS = [f"C{i}" for i in range(10)]  # matplotlib's ten


@dataclass(frozen=True)
class Plane:
    """Codes projected to two dimensions."""

    points: Float[Tensor, "codes 2"]
    axes: tuple[str, str]  # names of the axes


def plane_of(codes: Float[Tensor, "codes latent"]) -> Plane:
    """Projects codes to a plane.

    2-D codes stay as they are. More dimensions use the first two principal components. One dimension is
    plotted against its rank.
    """
    codes = codes.detach().float().cpu()
    dims = codes.shape[1]
    if dims == 2:
        return Plane(codes, ("z1", "z2"))
    if dims == 1:
        rank = codes[:, 0].argsort().argsort().float() / max(len(codes) - 1, 1)
        return Plane(torch.stack([codes[:, 0], rank], 1), ("z1", "rank of z1, from 0 to 1"))
    axes = principal_axes(codes)
    names = [
        f"principal component {number} ({100 * share:.1f} % of variance)"
        for number, share in enumerate(axes.shares.tolist(), start=1)
    ]
    return Plane(axes.project(codes), (names[0], names[1]))


def scatter(
    plane: Plane,
    labels: Int64[Tensor, " codes"],
    class_names: Sequence[str],
    limits: Limits,
    title: str,
) -> Picture:
    """One point per code and one colour per class, with the given limits of the two axes."""
    blitted, points, texts = _blitted(tuple(class_names), limits)
    _place(points, plane, labels)
    for text, content in zip(texts, (title, *plane.axes), strict=True):
        text.set_text(content)
    return blitted.picture()


@lru_cache(maxsize=2)
def _blitted(class_names: tuple[str, ...], limits: Limits) -> tuple[BlittedFigure, list[Line2D], list[Text]]:
    """The figure shared by the pictures of a run, the points of each class, and the title and axis names."""
    figure = Figure(figsize=(7.5, 6.4), dpi=100)
    figure.subplots_adjust(left=0.1, right=0.83, bottom=0.09, top=0.94)
    axes = figure.add_subplot()
    points = _points(axes, class_names, 4.5)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3, frameon=False)
    axes.grid(alpha=0.2)
    texts = [
        axes.set_title("", y=1),
        axes.text(0.5, -0.05, "", transform=axes.transAxes, ha="center", va="top"),
        axes.text(-0.08, 0.5, "", transform=axes.transAxes, ha="right", va="center", rotation=90),
    ]
    return BlittedFigure(figure, [*points, *texts]), points, texts


def scatters(
    planes: Mapping[str, Plane],
    labels: Int64[Tensor, " codes"],
    class_names: Sequence[str],
    columns: int = 2,
    limits: Limits | None = None,
) -> Picture:
    """A scatter plot per plane, all of the same images, with one legend.

    Each panel fits its own axes, unless ``limits`` are given.
    """
    figure, panels = grid(len(planes), (5.0, 4.6), columns)
    for axes, (title, plane) in zip(panels, planes.items(), strict=True):
        _place(_points(axes, class_names, 3.5), plane, labels)
        axes.relim()
        axes.autoscale()
        axes.set(xlabel=plane.axes[0], ylabel=plane.axes[1])
        if limits is not None:
            axes.set(xlim=limits[0], ylim=limits[1])
        axes.set_title(escaped(title), fontsize="medium", wrap=True)
        axes.grid(alpha=0.2)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, title="class", loc="outside right center", markerscale=3, frameon=False)
    return rendered(figure)


def _points(axes: Axes, class_names: Sequence[str], size: float) -> list[Line2D]:
    """Creates an empty series of points for each class."""
    series = []
    for number, name in enumerate(class_names):
        colour = COLOURS[number % len(COLOURS)]
        series += axes.plot([], [], ".", ms=size, alpha=0.6, color=colour, label=name, mew=0)
    return series


def _place(series: Sequence[Line2D], plane: Plane, labels: Tensor) -> None:
    for number, points in enumerate(series):
        points.set_data(*plane.points[labels == number].numpy().T)
