"""Bar charts, curves and histograms for evaluations."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from torch import Tensor

from jlml.pictures.figures.canvas import Picture, escaped, figure_of, grid, rendered
from jlml.pictures.figures.style import (
    COLOURS,
    FONT_SIZE,
    INK,
    MARKERS,
    SOFT,
    SPLIT_COLOURS,
    colour_of,
    styled,
)

MOST_PANELS = 16
LINE = 1.4 * FONT_SIZE  # pixels
LONGEST_NAME, SHORTER_LINE, LONGEST_LINE = 24, 34, 48  # letters beside a chart, above and below it


@styled
def bars(
    names: Sequence[str],
    values: Sequence[float],
    errors: Sequence[float | None],
    ylabel: str,
    title: str,
    reference: tuple[float, str],
) -> Picture:
    """A bar chart with standard errors, and a line at a reference value."""
    figure = figure_of(400)
    axes = figure.add_subplot()
    axes.bar(names, values, yerr=[error or 0.0 for error in errors], color=COLOURS[0], capsize=4)
    axes.axhline(reference[0], color=SOFT, lw=2, ls="--", label=reference[1])
    axes.set(ylabel=ylabel, title=title)
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])  # room for the legend
    axes.locator_params(axis="y", nbins=5)
    axes.legend(loc="upper right", borderaxespad=0)
    if max(map(len, names)) > 3:
        axes.tick_params(axis="x", rotation=60)
    return rendered(figure)


@styled
def training_curve(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], ylabel: str) -> Picture:
    """The loss of each split over the epochs.

    Args:
        curves: epochs and losses, by split.
        ylabel: name and unit of the loss.
    """
    figure = figure_of(480)
    axes = figure.add_subplot()
    lowest, highest = [], []
    for split, (epochs, losses) in curves.items():
        axes.plot(epochs, losses, "o-", ms=5, color=SPLIT_COLOURS[split], label=split)
        lowest.append(min(losses))
        highest.append(max(losses[1:], default=losses[0]))  # the first epoch would flatten all others
    margin = 0.08 * (max(highest) - min(lowest))
    if margin > 0:
        axes.set_ylim(min(lowest) - margin, max(highest) + margin)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.locator_params(axis="y", nbins=6)
    axes.legend()
    return rendered(figure)


@styled
def bound_curve(draws: Sequence[int], values: Sequence[float], errors: Sequence[float | None]) -> Picture:
    """A curve of the bound on log p(x) over the number of draws, with a band of one standard error."""
    figure = figure_of(420)
    axes = figure.add_subplot()
    band = np.array([error or 0.0 for error in errors])
    axes.fill_between(draws, np.array(values) - band, np.array(values) + band, alpha=0.2, lw=0)
    axes.plot(draws, values, "o-")
    axes.set(xscale="log", xlabel="draws per image", ylabel="nats per image")
    axes.set_title("Importance-weighted bound on log p(x)")
    axes.locator_params(axis="y", nbins=5)
    return rendered(figure)


@styled
def aggregate_histograms(codes: Float[Tensor, "codes latent"], order: Int64[Tensor, " latent"]) -> Picture:
    """A histogram per latent dimension with the density of N(0, 1); the first 16 in the given order."""
    shown = order[:MOST_PANELS].tolist()
    figure, panels = grid(len(shown), 360 if len(shown) <= 2 else 180, 2 if len(shown) <= 2 else 4)
    reach = max(3.5, float(codes[:, shown].abs().max()))
    ticks = np.linspace(-reach, reach, 200)
    normal = np.exp(-(ticks**2) / 2) / math.sqrt(2 * math.pi)
    for axes, dimension in zip(panels, shown, strict=True):
        axes.hist(codes[:, dimension].numpy(), bins=60, range=(-reach, reach), density=True, color=COLOURS[0])
        axes.plot(ticks, normal, color=COLOURS[2])
        axes.set_title(f"z{dimension + 1}")
        axes.set(yticks=[], xticks=[-2, 0, 2] if reach < 6 else [0])
    which = "" if len(order) <= MOST_PANELS else f" ({MOST_PANELS} of {len(order)} dimensions)"
    figure.suptitle(f"Codes (bars) and prior (line){which}", x=0.01, ha="left")
    return rendered(figure)


@styled
def distributions(
    panels: Mapping[str, Mapping[str, Float[Tensor, " values"]]], kinds: Sequence[str]
) -> Picture:
    """A box per group and panel: the middle half with the median, and lines to the 5th and 95th percentile.

    Args:
        panels: the values of every group by name, for each panel by title.
        kinds: all groups, in the order of their colours.
    """
    titles = [fill(escaped(title), SHORTER_LINE) for title in panels]
    names = [[fill(escaped(name), LONGEST_NAME) for name in groups] for groups in panels.values()]
    heights = [
        60 + LINE * (title.count("\n") + 1 + sum(name.count("\n") + 1.1 for name in some))
        for title, some in zip(titles, names, strict=True)
    ]
    figure = figure_of(sum(heights))
    all_axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    colours = {name: colour_of(number) for number, name in enumerate(kinds)}
    for axes, title, some, groups in zip(all_axes, titles, names, panels.values(), strict=True):
        values = [some.double().numpy() for some in groups.values()]
        boxes = axes.boxplot(
            values, orientation="horizontal", whis=(5, 95), showfliers=False, patch_artist=True, widths=0.6
        )
        for name, box in zip(groups, boxes["boxes"], strict=True):
            box.set(facecolor=colours[name], alpha=0.6, linewidth=0)
        for line in boxes["medians"]:
            line.set(color=INK)
        axes.set_yticks(range(1, len(groups) + 1), some)
        axes.invert_yaxis()
        axes.set_title(title)
        axes.locator_params(axis="x", nbins=4)
    return rendered(figure)


@styled
def shaded_table(
    rows: Mapping[str, Float[Tensor, " columns"]], columns: Sequence[str], title: str, most: float
) -> Picture:
    """A table of whole numbers from 0, shaded by their size.

    Args:
        rows: the numbers of each row, by its name.
        columns: names of the columns.
        title: title of the picture.
        most: number that is shaded darkest, unless there are larger ones.
    """
    values = np.stack([some.numpy() for some in rows.values()])
    figure = figure_of(90 + 46 * len(rows))
    axes = figure.add_subplot()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=max(most, 1.3 * float(values.max())), aspect="auto")
    for row, column in np.ndindex(values.shape):
        axes.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center")
    axes.set_xticks(range(len(columns)), list(map(escaped, columns)))
    axes.set_yticks(range(len(rows)), list(map(escaped, rows)))
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left")
    return rendered(figure)


@styled
def loss_curves(
    curves: Mapping[str, Mapping[float, Float[Tensor, " predictions"]]],
    predictions: Float[Tensor, " predictions"],
    xlabels: Mapping[str, str],
) -> Picture:
    """The value of each loss over the prediction, for several targets, with the minima marked."""
    figure, panels = grid(len(curves), 380, columns=1)
    x = predictions.numpy()
    for axes, (loss, by_target) in zip(panels, curves.items(), strict=True):
        for number, (target, values) in enumerate(by_target.items()):
            colour, lowest = colour_of(number), int(values.argmin())
            axes.plot(x, values.numpy(), color=colour, label=f"{target:g}")
            axes.plot(x[lowest], values[lowest], "o", color=colour, mec="k", ms=10, clip_on=False, zorder=3)
            axes.axvline(target, color=colour, lw=1.5, ls=":")
        low = min(float(values.min()) for values in by_target.values())
        high = max(float(values.quantile(0.9)) for values in by_target.values())
        axes.set(title=loss, xlabel=xlabels[loss], ylabel="nats per pixel", xlim=(0, 1))
        axes.set_ylim(low - 0.08 * (high - low), high)
        axes.locator_params(axis="y", nbins=5)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        title="true value of the pixel",
        loc="outside upper left",
        ncols=len(names),
        handlelength=1,
        columnspacing=1,
    )
    return rendered(figure)


@styled
def points_by_kind(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    xlabel: Mapping[str, str],
    ylabel: str,
    kinds: Sequence[str],
    joined: bool = False,
) -> Picture:
    """Points in panels, one colour per kind.

    Args:
        panels: points by kind, by title of the panel.
        xlabel: label of the x axis, by title of the panel.
        ylabel: label of all y axes.
        kinds: all kinds, in the order of their colours.
        joined: whether lines join the points of a kind.
    """
    figure, all_axes = grid(len(panels), 420, columns=1, extra=LINE * len(kinds))
    for axes, (title, points_of) in zip(all_axes, panels.items(), strict=True):
        for kind, points in points_of.items():
            number = kinds.index(kind)
            x, y = zip(*points, strict=True)
            marker = MARKERS[number // len(COLOURS) % len(MARKERS)]
            colour = colour_of(number)
            axes.plot(
                x,
                y,
                f"{marker}-" if joined else marker,
                ms=9,
                color=colour,
                alpha=0.8,
                label=fill(escaped(kind), LONGEST_LINE),
            )
        axes.set(xlabel=xlabel[title], ylabel=ylabel)
        axes.set_title(fill(escaped(title), LONGEST_LINE))
    found = {
        name: handle
        for axes in all_axes
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(found.values(), found.keys(), loc="outside lower left", ncols=1 if len(kinds) < 8 else 2)
    return rendered(figure)


@styled
def strip(title: str, groups: Mapping[str, Sequence[float]], kinds: Sequence[str]) -> Picture:
    """One row per group, one dot per run, and a bar at each group's mean.

    Args:
        title: title of the picture.
        groups: values by group.
        kinds: all groups, also of other charts, in the order of their colours.
    """
    labels = [fill(escaped(name), LONGEST_NAME) for name in groups]
    figure = figure_of(110 + LINE * sum(label.count("\n") + 1.2 for label in labels))
    axes = figure.add_subplot()
    for number, (name, values) in enumerate(groups.items()):
        colour = colour_of(kinds.index(name))
        axes.plot(values, [-number] * len(values), "o", color=colour, alpha=0.75, ms=9)
        if values:
            axes.plot([sum(values) / len(values)], [-number], "|", color="k", ms=20)
    axes.set_yticks([-number for number in range(len(labels))], labels)
    axes.set_ylim(0.6 - len(labels), 0.6)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    figure.suptitle(fill(title, LONGEST_LINE), x=0.01, ha="left")
    return rendered(figure)
