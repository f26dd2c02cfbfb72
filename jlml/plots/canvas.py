"""A matplotlib figure as an array, without pyplot: no global state, no window, nothing to close."""

import math
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

Picture = UInt8[np.ndarray, "picture_height picture_width 3"]


def words(text: str) -> str:
    """For labels that users write: matplotlib would read formulas between dollars."""
    return text.replace("$", r"\$")


def rendered(figure: Figure) -> Picture:
    """The figure's pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return _pixels(canvas)


class Stage:
    """A figure for a whole series of pictures: what stands in all of them is drawn once, and then copied.

    Text is what takes matplotlib long: ticks, labels and legend of a scatter are nine tenths of its time.
    Source: matplotlib's manual, which calls this blitting.

    Args:
        figure: with all that stands.
        actors: artists of the figure that differ from picture to picture.
    """

    def __init__(self, figure: Figure, actors: Sequence[Artist]) -> None:
        self._figure = figure
        self._actors = actors
        for actor in actors:
            actor.set_animated(True)
        self._canvas = FigureCanvasAgg(figure)
        self._canvas.draw()
        self._standing = self._canvas.copy_from_bbox(figure.bbox)

    def picture(self, guests: Sequence[Artist] = ()) -> Picture:
        """The pixels, with the actors as they are now, and artists that are in this picture only."""
        self._canvas.restore_region(self._standing)
        for actor in (*self._actors, *guests):
            self._figure.draw_artist(actor)
        return _pixels(self._canvas)


def _pixels(canvas: FigureCanvasAgg) -> Picture:
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def as_png(picture: Picture, small: bool = True) -> bytes:
    """The picture as the content of a PNG file: as small as it gets, or, five times as fast, not so small."""
    encoded = BytesIO()
    grey = (picture == picture[..., :1]).all()  # a third of the bytes, and of the time
    image = Image.fromarray(picture[..., 0] if grey else picture)
    image.save(encoded, "PNG", **({"optimize": True} if small else {"compress_level": 1}))
    return encoded.getvalue()


def grid(count: int, size: tuple[float, float], columns: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels of a size in inches, in rows."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows + 0.4), dpi=100, layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place) for place in range(1, count + 1)]
