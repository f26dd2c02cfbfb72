"""A matplotlib figure as an array, without pyplot: no global state, no window, nothing to close."""

import math
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
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
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def as_png(picture: Picture, small: bool = True) -> bytes:
    """The picture as the content of a PNG file: as small as it gets, or, five times as fast, not so small."""
    encoded = BytesIO()
    Image.fromarray(picture).save(encoded, "PNG", **({"optimize": True} if small else {"compress_level": 1}))
    return encoded.getvalue()


def grid(count: int, size: tuple[float, float], columns: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels of a size in inches, in rows."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows + 0.4), dpi=100, layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place) for place in range(1, count + 1)]
