"""Scatter plots of codes, coloured by class; grey without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import fill

import numpy as np
import torch
from jaxtyping import Float, Int64
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from torch import Tensor

from jlml.metrics.pca import principal_axes
from jlml.pictures.figures.canvas import BlittedFigure, Picture, escaped, grid, rendered
from jlml.pictures.figures.style import DPI, INK, SOFT, WIDTH, colour_of, styled

Limits = tuple[tuple[float, float], tuple[float, float]]  # (low, high) of the two axes

CHIP = 34  # pixels between the centres of two class names
NO_CLASS = -1  # label of an image without a class
MANY = 1500  # points that are drawn in their smallest size
MOST_CHIPS = 20  # classes; more have no room for their names


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
        f"component {number} ({100 * share:.0f} % of variance)"
        for number, share in enumerate(axes.shares.tolist(), start=1)
    ]
    return Plane(axes.project(codes), (names[0], names[1]))


@styled
def scatter(
    plane: Plane,
    labels: Int64[Tensor, " codes"],
    class_names: Sequence[str],
    limits: Limits,
    title: str,
) -> Picture:
    """One point per code and one colour per class, with each class's name at its median.

    The axes have the given limits.
    """
    blitted, axes, points, texts = _blitted(tuple(class_names), limits)
    _place(points, plane, labels, 5)
    for text, content in zip(texts, (title, *plane.axes), strict=True):
        text.set_text(content)
    names = _name_classes(axes, plane, labels, class_names)
    picture = blitted.picture(names)
    for name in names:
        name.remove()
    return picture


@lru_cache(maxsize=2)
def _blitted(
    class_names: tuple[str, ...], limits: Limits
) -> tuple[BlittedFigure, Axes, list[Line2D], list[Text]]:
    """The figure shared by the pictures of a run, the points of each class, and the title and axis names."""
    figure = Figure(figsize=(WIDTH / DPI, WIDTH / DPI), dpi=DPI)
    figure.subplots_adjust(left=0.14, right=0.97, bottom=0.115, top=0.93)
    axes = figure.add_subplot()
    points = _points(axes, class_names)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.locator_params(nbins=6)
    texts = [
        axes.text(-0.15, 1.02, "", transform=axes.transAxes, va="bottom"),
        axes.text(0.5, -0.075, "", transform=axes.transAxes, ha="center", va="top"),
        axes.text(-0.105, 0.5, "", transform=axes.transAxes, ha="right", va="center", rotation=90),
    ]
    return BlittedFigure(figure, [*points, *texts]), axes, points, texts


@styled
def scatters(
    planes: Mapping[str, Plane],
    labels: Int64[Tensor, " codes"],
    class_names: Sequence[str],
    columns: int = 2,
    limits: Limits | None = None,
) -> Picture:
    """A scatter plot per plane, all of the same images, without ticks.

    Each panel fits its own axes, unless ``limits`` are given.
    """
    figure, panels = grid(len(planes), WIDTH / columns + 30, columns, extra=0)
    for axes, (title, plane) in zip(panels, planes.items(), strict=True):
        _place(_points(axes, class_names), plane, labels, 3.5)
        axes.relim()
        axes.autoscale()
        axes.set(xticks=[], yticks=[])
        if limits is not None:
            axes.set(xlim=limits[0], ylim=limits[1])
        axes.set_title(fill(escaped(title), 62 // columns))
    figure.draw_without_rendering()  # fixes the axes, in whose pixels names keep their distance
    for axes, plane in zip(panels, planes.values(), strict=True):
        _name_classes(axes, plane, labels, class_names)
    return rendered(figure)


def _points(axes: Axes, class_names: Sequence[str]) -> list[Line2D]:
    """Creates an empty series of points for images without a class, and one for each class."""
    series = []
    for number in (NO_CLASS, *range(len(class_names))):
        colour = SOFT if number == NO_CLASS else colour_of(number)
        series += axes.plot([], [], ".", alpha=0.6, color=colour, mew=0)
    return series


def _place(series: Sequence[Line2D], plane: Plane, labels: Tensor, size: float) -> None:
    """Moves the points of each class. A few points are larger than many."""
    size *= min(3.0, max(1.0, (MANY / max(len(labels), 1)) ** 0.5))
    for number, points in enumerate(series, start=NO_CLASS):
        points.set_markersize(size)
        points.set_data(*plane.points[labels == number].numpy().T)


def _name_classes(axes: Axes, plane: Plane, labels: Tensor, class_names: Sequence[str]) -> list[Artist]:
    """Writes each class's name at the median of its points, in a box of its colour."""
    present = [number for number in range(len(class_names)) if bool((labels == number).any())]
    if not 0 < len(present) <= MOST_CHIPS:
        return []
    medians = torch.stack([plane.points[labels == number].median(0).values for number in present])
    pixels = axes.transData.transform(medians.numpy())
    widths = np.array([max(1.0, 0.45 * len(class_names[number])) for number in present])
    low, high = np.array(axes.bbox.extents).reshape(2, 2)
    places = axes.transData.inverted().transform(apart(pixels, widths, low, high))
    return [
        axes.text(
            float(x),
            float(y),
            escaped(class_names[number]),
            ha="center",
            va="center",
            color=INK,
            bbox={
                "boxstyle": "round,pad=0.12",
                "facecolor": "white",
                "edgecolor": colour_of(number),
                "linewidth": 3,
            },
        )
        for number, (x, y) in zip(present, places, strict=True)
    ]


def apart(
    places: Float[np.ndarray, "names 2"],
    widths: Float[np.ndarray, " names"],
    low: Float[np.ndarray, " 2"],
    high: Float[np.ndarray, " 2"],
    steps: int = 60,
) -> Float[np.ndarray, "names 2"]:
    """Moves places apart until names of these widths, in units of `CHIP`, do not overlap, within an area."""
    places = places + 1e-3 * np.arange(len(places))[:, None]  # equal places would never part
    size = CHIP * np.stack([(widths[:, None] + widths) / 2, np.ones((len(widths), len(widths)))], -1)
    margin = CHIP / 2 * np.stack([widths, np.ones(len(widths))], -1)
    for _ in range(steps):
        between = places[:, None] - places
        overlap = np.clip(size - np.abs(between), 0, None)  # (names, names, 2)
        np.einsum("iid->id", overlap)[:] = 0
        touching = (overlap > 0).all(-1)
        along = overlap.argmin(-1)  # the direction with the shorter way out
        push = np.where(touching[..., None], overlap * np.sign(between), 0)
        push *= np.eye(2)[along]
        places = np.clip(places + push.sum(1) / 2, low + margin, high - margin)
    return places
