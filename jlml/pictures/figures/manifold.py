"""A picture of decoded images at the points of a latent plane."""

from collections.abc import Mapping
from functools import lru_cache

from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import Tensor

from jlml.pictures.figures.canvas import BlittedFigure, Picture, as_pixels
from jlml.pictures.figures.style import DPI, WIDTH, styled

HEIGHT = 720  # pixels
MARK = "#ffa90e"


@styled
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
    blitted, axes, heading = _blitted(names)
    # each image is centred on its code, so the picture extends half a step beyond the grid
    axes.set(xlim=_widened(x_range, columns), ylim=_widened(y_range, rows))
    heading.set_text(title)
    named: list[Artist] = []
    for mark, point in (marks or {}).items():
        named += axes.plot(*point, "o", ms=14, mfc="none", mec=MARK, mew=3)
        named.append(
            axes.annotate(mark, point, (12, 12), textcoords="offset points", color=MARK, weight="bold")
        )
    picture = blitted.picture(named, (sheet, axes))
    for artist in named:
        artist.remove()
    return picture


@lru_cache(maxsize=2)
def _blitted(names: tuple[str, str]) -> tuple[BlittedFigure, Axes, Text]:
    """The axes of the plane and the title, shared by the pictures of a run."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.11, top=0.94)
    axes = figure.add_subplot()
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.locator_params(nbins=5)
    axes.grid(visible=False)
    heading = figure.suptitle("", x=0.01, y=0.99, ha="left", va="top")
    return BlittedFigure(figure, [*axes.spines.values(), axes.xaxis, axes.yaxis, heading]), axes, heading


def _widened(limits: tuple[float, float], count: int) -> tuple[float, float]:
    """The limits of ``count`` points, extended by half a step on both sides."""
    low, high = limits
    margin = (high - low) / max(count - 1, 1) / 2
    return low - margin, high + margin
