"""Line charts for experiments with up to three factors: on the x axis, by line and by panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from jlml.pictures.figures.canvas import Picture, escaped, figure_of, rendered
from jlml.pictures.figures.style import MARKERS, SOFT, WIDTH, colour_of, styled


@dataclass(frozen=True)
class Line:
    """The values of a metric at each tick of the x axis, one per seed."""

    label: str
    values: Mapping[int, Sequence[float]]  # by index of the tick


@dataclass(frozen=True)
class Ticks:
    """The ticks of the x axis, one per value of the factor.

    Args:
        label: name of the factor.
        positions: position of each tick.
        labels: text of each tick.
        log: whether the axis is logarithmic.
    """

    label: str
    positions: Sequence[float]
    labels: Sequence[str]
    log: bool


@styled
def factor_lines(rows: Mapping[str, Mapping[str, Sequence[Line]]], ticks: Ticks, title: str) -> Picture:
    """A grid of line charts: one row per metric, one column per panel.

    Each line shows the mean, the values of the seeds, and a band of one standard deviation.

    Args:
        rows: label of the metric -> name of the panel -> lines.
        ticks: ticks of the common x axis.
        title: title of the figure.
    """
    panels = list(next(iter(rows.values())))
    names = list(
        dict.fromkeys(line.label for lines_of in rows.values() for some in lines_of.values() for line in some)
    )
    figure = figure_of(270 * len(rows) + 34 * len(names) + 60, max(WIDTH, 100 + 200 * len(panels)))
    grid = figure.subplots(len(rows), len(panels), squeeze=False, sharex=True, sharey="row")
    for row, (metric, lines_of) in enumerate(rows.items()):
        for column, panel in enumerate(panels):
            axes = grid[row, column]
            for place, line in enumerate(lines_of[panel]):
                draw_line(axes, line, ticks, colour_of(place), MARKERS[place % len(MARKERS)])
            if not any(line.values for line in lines_of[panel]):
                axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=SOFT)
            axes.locator_params(axis="y", nbins=4)
            if row == 0:
                axes.set_title(escaped(panel))
            if row == len(rows) - 1:
                axes.set_xlabel(escaped(ticks.label))
        grid[row, 0].set_ylabel(metric)
    if ticks.log:
        grid[0, 0].set_xscale("log")
    grid[0, 0].set_xticks(ticks.positions, [escaped(label) for label in ticks.labels])
    grid[0, 0].set_xticks([], minor=True)
    handles = {
        label: handle
        for axes in grid.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if any(handles):
        figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=1)
    figure.suptitle(escaped(title), x=0.01, ha="left", wrap=True)
    return rendered(figure)


def draw_line(axes: Axes, line: Line, ticks: Ticks, colour: str, marker: str) -> None:
    """Draws means as a line, the values of the seeds as dots, and their standard deviation as a band."""
    places = sorted(line.values)
    x = np.array([ticks.positions[place] for place in places])
    means = np.array([np.mean(line.values[place]) for place in places])
    several = [len(line.values[place]) > 1 for place in places]
    spread = np.array(
        [
            np.std(line.values[place], ddof=1) if more else 0.0
            for place, more in zip(places, several, strict=True)
        ]
    )
    label = escaped(line.label)
    axes.plot(x, means, color=colour, marker=marker, ms=9, label=label or "_")
    if any(several):
        axes.fill_between(x, means - spread, means + spread, color=colour, alpha=0.15, lw=0)
        for at, place in zip(x, places, strict=True):
            axes.plot([at] * len(line.values[place]), line.values[place], ".", color=colour, ms=6, alpha=0.6)
