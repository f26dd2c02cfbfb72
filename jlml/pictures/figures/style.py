"""One look for all figures: width, font and colours.

TensorBoard and a phone show a figure about 350 pixels wide, a report up to `WIDTH`. At half its width the
text is still 10 pixels high.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.style import library

WIDTH = 700  # pixels
FONT_SIZE = 21  # pixels
FONT = "DejaVu Sans"  # ships with matplotlib
DPI = 100
COLUMNS = 10  # most images side by side

# ten colours that people with colour-blindness tell apart. Source: Petroff 2021, "Accessible Color Sequences"
COLOURS: list[str] = library["petroff10"]["axes.prop_cycle"].by_key()["color"]
MARKERS = "os^Dv<>Pd*"
SPLIT_COLOURS = {"train": COLOURS[0], "val": COLOURS[1], "test": COLOURS[2]}
INK, SOFT = "#1d2430", "#717581"

POINTS = FONT_SIZE * 72 / DPI
STYLE: Any = {  # a dict of matplotlib's settings
    "font.family": FONT,
    "font.size": POINTS,
    **dict.fromkeys(("axes.titlesize", "axes.labelsize", "figure.titlesize", "legend.fontsize"), POINTS),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.title_fontsize"), POINTS),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK),
    "axes.titlelocation": "left",
    "axes.edgecolor": SOFT,
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    "axes.prop_cycle": library["petroff10"]["axes.prop_cycle"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 2.5,
    "legend.frameon": False,
    "figure.dpi": DPI,
}


def colour_of(number: int) -> str:
    """The colour of a class or a group by its number, the same in every figure."""
    return COLOURS[number % len(COLOURS)]


P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorates a function that draws with matplotlib: it uses this style, whatever the user's settings."""

    @wraps(draw)
    def with_style(*args: P.args, **kwargs: P.kwargs) -> T:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return with_style
