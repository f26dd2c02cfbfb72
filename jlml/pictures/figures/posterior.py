"""Bar charts of the information in each latent dimension."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from jlml.pictures.figures.canvas import BlittedFigure, Picture
from jlml.pictures.figures.style import COLOURS, DPI, SOFT, WIDTH, styled

NAMED = 16  # largest number of bars with room for the numbers of the dimensions
BAR = 0.8  # width of a bar; bars are 1 apart
PANEL = 360  # height of a chart in pixels


@styled
def posterior(
    code_std: Float[Tensor, " latent"],
    title: str,
    kl: Float[Tensor, " latent"] | None = None,
    posterior_std: Float[Tensor, " latent"] | None = None,
) -> Picture:
    """A bar per latent dimension, sorted by decreasing information.

    Args:
        code_std: standard deviation of the codes over images.
        title: title of the picture.
        kl: KL to the prior in nats, averaged over images; None for a model without a posterior.
        posterior_std: root mean variance of the posterior. Near 1, with a code_std near 0, it shows collapse.
    """
    order = (code_std if kl is None else kl).cpu().argsort(descending=True)
    blitted, title_text, panels = _blitted(len(order), kl is not None)
    shown = [code_std] if kl is None else [code_std, kl]
    for (axes, bars), values in zip(panels, shown, strict=True):
        heights = values.cpu()[order].numpy()
        bars.set_data(np.insert(heights, range(1, len(heights)), 0))  # height 0 between two bars
        axes.set_ylim(0, 1.05 * max(heights.max(), np.finfo(heights.dtype).tiny))
        if len(order) <= NAMED:
            axes.set_xticks(range(1, len(order) + 1), [str(int(dim) + 1) for dim in order])
    spread, _ = panels[0]
    if posterior_std is not None:
        of_posterior = posterior_std.cpu()[order].numpy()
        spread.lines[0].set_ydata(of_posterior)
        spread.set_ylim(0, 1.05 * max(1, of_posterior.max(), float(code_std.max())))
    title_text.set_text(title)
    return blitted.picture()


@lru_cache(maxsize=2)
def _blitted(dims: int, has_posterior: bool) -> tuple[BlittedFigure, Text, list[tuple[Axes, StepPatch]]]:
    """The figure shared by the pictures of a run, its title, and its panels with their bars."""
    panels = 1 + has_posterior
    height = 60 + PANEL * panels
    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI)
    figure.subplots_adjust(left=0.13, right=0.98, bottom=75 / height, top=1 - 85 / height, hspace=0.5)
    title = figure.suptitle("", x=0.01, y=0.995, ha="left", va="top")
    spread = figure.add_subplot(panels, 1, panels)
    shown = [(spread, _bars(spread, dims, COLOURS[0], "of the codes"))]
    spread.set_ylabel("standard deviation")
    if has_posterior:
        places = range(1, dims + 1)
        width = max(4, min(40, 300 / dims))
        spread.plot(places, np.zeros(dims), "_", color=COLOURS[1], ms=width, mew=4, label="of a posterior")
        spread.axhline(1, color=SOFT, lw=2, ls=":", label="of the prior")
        information = figure.add_subplot(panels, 1, 1)
        shown.append((information, _bars(information, dims, COLOURS[2])))
        information.set_ylabel("KL (nats)")
        spread.legend(
            loc="lower left", bbox_to_anchor=(-0.13, 0.97), ncols=3, columnspacing=1, handlelength=1
        )
    animated: list[Artist] = [title]
    for axes, bars in shown:
        axes.set_xlabel("latent dimension" if dims <= NAMED else "latent dimension, by rank")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.locator_params(axis="y", nbins=5)
        animated += [bars, *axes.lines, *axes.spines.values(), axes.yaxis]
        animated += [axes.xaxis] if dims <= NAMED else []  # the order of the numbers changes
    return BlittedFigure(figure, animated), title, shown


def _bars(axes: Axes, count: int, colour: str, label: str | None = None) -> StepPatch:
    """Bars at 1, 2, ... as one artist, because one artist per bar would dominate the drawing time."""
    edges = np.add.outer(np.arange(1, count + 1), [-BAR / 2, BAR / 2]).ravel()
    return axes.stairs(np.zeros(len(edges) - 1), edges, fill=True, color=colour, label=label)
