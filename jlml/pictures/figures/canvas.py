"""Renders matplotlib figures to arrays, without pyplot and its global state."""

import math
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from jlml.errors import UserError
from jlml.pictures.figures.style import DPI, WIDTH

Picture = UInt8[np.ndarray, "picture_height picture_width 3"]
Backdrop = tuple[UInt8[np.ndarray, "backdrop_height backdrop_width colours"], Axes]

GREYS = [level for level in range(256) for _ in "RGB"]


def escaped(text: str) -> str:
    """Escapes dollar signs in a user's label, which matplotlib would read as a formula."""
    return text.replace("$", r"\$")


class KeptFigures:
    """The figures from which pictures were drawn, for formats other than pixels.

    Args:
        kind: format in which to write them beside the pixels, for example `svg`; None to write none.
    """

    def __init__(self, kind: str | None = None) -> None:
        self.kind = kind
        self._kept: dict[int, tuple[Picture, Figure]] = {}  # with the picture, so that its id stays its own

    def keep(self, picture: Picture, figure: Figure) -> None:
        self._kept[id(picture)] = picture, figure

    def figure_of(self, picture: Picture) -> Figure:
        """The figure of a picture; if it was drawn without matplotlib, one that shows its pixels."""
        if id(picture) in self._kept:
            return self._kept[id(picture)][1]
        height, width = picture.shape[:2]
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(picture, interpolation="nearest")
        axes.axis("off")
        return figure


_kept: ContextVar[KeptFigures | None] = ContextVar("_kept", default=None)


@contextmanager
def figures_kept(kind: str | None = None) -> Iterator[KeptFigures]:
    """Keeps the figures of all pictures that are drawn in this context. See `KeptFigures`."""
    kept = KeptFigures(kind)
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def kept_figures() -> KeptFigures | None:
    """Where a function that draws keeps its figure; None if nobody needs it."""
    return _kept.get()


def rendered(figure: Figure) -> Picture:
    """The pixels of a figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = _pixels(canvas)
    if (kept := kept_figures()) is not None:
        kept.keep(picture, figure)
    return picture


class BlittedFigure:
    """A figure for a series of pictures. It draws their common background once and then copies it.

    Text takes most of matplotlib's time: ticks, labels and legend take nine tenths of a scatter plot.
    Source: matplotlib's manual, "Faster rendering by using blitting".

    Args:
        figure: figure with all its artists.
        animated: artists that differ from picture to picture.
    """

    def __init__(self, figure: Figure, animated: Sequence[Artist]) -> None:
        self._figure = figure
        self._animated = animated
        for artist in animated:
            artist.set_animated(True)
        self._canvas = FigureCanvasAgg(figure)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    def picture(self, extra: Sequence[Artist] = (), backdrop: Backdrop | None = None) -> Picture:
        """Draws the animated artists in their present state on the background.

        Args:
            extra: artists for this picture only.
            backdrop: pixels behind the animated artists, and the axes that they fill.
        """
        self._canvas.restore_region(self._background)
        if backdrop is not None:
            self._fill(*backdrop)
        for artist in (*self._animated, *extra):
            self._figure.draw_artist(artist)
        picture = _pixels(self._canvas)
        if (kept := kept_figures()) is not None:
            kept.keep(picture, self._copy(backdrop))
        return picture

    def _copy(self, backdrop: Backdrop | None) -> Figure:
        """The figure in its present state, which later pictures do not change."""
        copy: Figure = pickle.loads(pickle.dumps(self._figure))
        for artist in copy.findobj():
            artist.set_animated(False)
        if backdrop is not None:
            pixels, axes = backdrop
            shown = copy.axes[self._figure.axes.index(axes)]
            limits = *shown.get_xlim(), *shown.get_ylim()
            pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3))  # grey ones have one channel
            shown.imshow(pixels, extent=limits, aspect="auto", zorder=0, interpolation="nearest")
        return copy

    def _fill(self, pixels: np.ndarray, axes: Axes) -> None:
        """Stretches pixels over the axes. Takes 2 ms; imshow takes 25."""
        canvas = np.asarray(self._canvas.buffer_rgba())
        left, bottom, right, top = np.rint(axes.bbox.extents).astype(int)  # origin: lower left
        area = canvas[len(canvas) - top : len(canvas) - bottom, left:right, :3]
        sizes = zip(area.shape[:2], pixels.shape[:2], strict=True)
        rows, columns = (np.arange(size) * given // size for size, given in sizes)
        area[:] = pixels[rows][:, columns]


def _pixels(canvas: FigureCanvasAgg) -> Picture:
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def as_pixels(images: Float[Tensor, "*images channels height width"]) -> Tensor:
    """Converts floats, clipped to [0, 1], to bytes (..., height, width, channels) on the CPU.

    Raises:
        UserError: the images are neither grey nor in colour.
    """
    if images.shape[-3] not in (1, 3):
        raise UserError(
            f"Pictures show images of 1 or 3 channels, and these have {images.shape[-3]}. Use callbacks=none."
        )
    return images.detach().cpu().float().clamp(0, 1).mul(255).round().byte().movedim(-3, -1)


def as_png(picture: Picture, small: bool = True) -> bytes:
    """Encodes a picture as PNG: as small as possible, or larger but five times as fast."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    image = Image.fromarray(picture)
    if np.array_equal(red, green) and np.array_equal(red, blue):  # one channel takes a third of the bytes
        image = Image.fromarray(red)
        if not small:
            image.putpalette(GREYS)  # PNG uses no filters for a palette, which halves the time
    encoded = BytesIO()
    image.save(encoded, "PNG", **({"optimize": True} if small else {"compress_level": 1}))
    return encoded.getvalue()


def figure_of(height: float, width: float = WIDTH) -> Figure:
    """An empty figure with a size in pixels."""
    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")


def grid(count: int, height: float, columns: int = 2, extra: float = 60) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels in columns, each ``height`` pixels high.

    Args:
        count: number of panels.
        height: height of a row of panels, in pixels.
        columns: number of panels in a row.
        extra: height for a title or a legend of the figure, in pixels.
    """
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = figure_of(height * rows + extra)
    return figure, [figure.add_subplot(rows, columns, place) for place in range(1, count + 1)]
