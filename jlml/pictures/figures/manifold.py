"""A picture of decoded images at the points of a latent plane."""

from collections.abc import Mapping
from functools import lru_cache

from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from jlml.pictures.figures.canvas import BlittedFigure, Picture, as_pixels


def manifold(
    images: Float[Tensor, "rows columns channels height width"],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    title: str,
    names: tuple[str, str] = ("z1", "z2"),
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> Picture:
    """Decoded images at the points of a grid; row 0 is at the low end of y.

    Args:
        images: one image per grid point.
        x_range: x of the first and of the last column.
        y_range: y of the first and of the last row.
        title: title of the picture.
        names: names of the two axes.
        marks: points to mark, by label.
    """
    rows, columns = images.shape[:2]
    tiles = as_pixels(images).flip(0).transpose(1, 2)  # (rows, height, columns, width, colours)
    sheet = tiles.flatten(0, 1).flatten(1, 2).numpy()
    blitted, axes = _blitted(names)
    # each image is centred on its code, so the picture extends half a step beyond the grid
    axes.set(xlim=_widened(x_range, columns), ylim=_widened(y_range, rows))
    axes.title.set_text(title)
    named: list[Artist] = []
    for mark, point in (marks or {}).items():
        named += axes.plot(*point, "o", ms=9, mfc="none", mec="C1", mew=2)
        named.append(
            axes.annotate(mark, point, (8, 8), textcoords="offset points", color="C1", weight="bold")
        )
    picture = blitted.picture(named, (sheet, axes))
    for artist in named:
        artist.remove()
    return picture


@lru_cache(maxsize=2)
def _blitted(names: tuple[str, str]) -> tuple[BlittedFigure, Axes]:
    """The axes of the plane, shared by the pictures of a run."""
    figure = Figure(figsize=(8, 8.2), dpi=100)
    figure.subplots_adjust(left=0.1, right=0.97, bottom=0.07, top=0.95)
    axes = figure.add_subplot()
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.locator_params(nbins=6)
    axes.set_title("", y=1)
    return BlittedFigure(figure, [*axes.spines.values(), axes.xaxis, axes.yaxis, axes.title]), axes


def _widened(limits: tuple[float, float], count: int) -> tuple[float, float]:
    """The limits of ``count`` points, extended by half a step on both sides."""
    low, high = limits
    margin = (high - low) / max(count - 1, 1) / 2
    return low - margin, high + margin
