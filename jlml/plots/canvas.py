"""A matplotlib figure as an array, without pyplot: no global state, no window, nothing to close."""

import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Picture = UInt8[np.ndarray, "picture_height picture_width 3"]


def rendered(figure: Figure) -> Picture:
    """The figure's pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
