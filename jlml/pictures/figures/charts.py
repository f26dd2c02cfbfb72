"""Bar charts, curves and histograms for evaluations."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from jlml.pictures.figures.canvas import Picture, escaped, grid, rendered

MOST_PANELS = 16


def bars(
    names: Sequence[str],
    values: Sequence[float],
    errors: Sequence[float | None],
    ylabel: str,
    title: str,
    reference: tuple[float, str],
) -> Picture:
    """A bar chart with standard errors, and a line at a reference value."""
    figure = Figure(figsize=(8, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(names, values, yerr=[error or 0.0 for error in errors], color="C0", capsize=3)
    axes.axhline(reference[0], color="grey", lw=1, ls="--", label=reference[1])
    axes.set(xlabel="class", ylabel=ylabel, title=title)
    axes.legend(frameon=False)
    if max(map(len, names)) > 6:
        axes.tick_params(axis="x", rotation=30)
    return rendered(figure)


def bound_curve(draws: Sequence[int], values: Sequence[float], errors: Sequence[float | None]) -> Picture:
    """A curve of the bound on log p(x) over the number of draws, with a band of one standard error."""
    figure = Figure(figsize=(7, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    band = np.array([error or 0.0 for error in errors])
    axes.fill_between(draws, np.array(values) - band, np.array(values) + band, alpha=0.2, lw=0)
    axes.plot(draws, values, "o-")
    axes.set(xscale="log", xlabel="draws per image", ylabel="nats per image")
    axes.set_title("Importance-weighted bound on log p(x)")
    axes.grid(alpha=0.2)
    return rendered(figure)


def aggregate_histograms(codes: Float[Tensor, "codes latent"], order: Int64[Tensor, " latent"]) -> Picture:
    """A histogram per latent dimension with the density of N(0, 1); the first 16 in the given order."""
    shown = order[:MOST_PANELS].tolist()
    figure, panels = grid(len(shown), (2.6, 2.2))
    reach = max(3.5, float(codes[:, shown].abs().max()))
    ticks = np.linspace(-reach, reach, 200)
    normal = np.exp(-(ticks**2) / 2) / math.sqrt(2 * math.pi)
    for axes, dimension in zip(panels, shown, strict=True):
        axes.hist(codes[:, dimension].numpy(), bins=60, range=(-reach, reach), density=True, color="C0")
        axes.plot(ticks, normal, color="C1", lw=1.5)
        axes.set_title(f"z{dimension + 1}", fontsize="medium")
        axes.set_yticks([])
    which = "" if len(order) <= MOST_PANELS else f": the {MOST_PANELS} of {len(order)} that vary most"
    figure.suptitle(f"Aggregate posterior (bars) and prior (line) by dimension{which}")
    return rendered(figure)


def class_shares(shares: Mapping[str, Float[Tensor, " classes"]], class_names: Sequence[str]) -> Picture:
    """A bar chart of class frequencies for each set of images."""
    figure, panels = grid(len(shares), (3.2, 2.2))
    places = range(len(class_names))
    highest = max(float(some.max()) for some in shares.values())
    for axes, (name, some) in zip(panels, shares.items(), strict=True):
        axes.bar(places, some.numpy(), color="C0")
        axes.axhline(1 / len(class_names), color="grey", lw=1, ls=":")
        axes.set(ylim=(0, 1.05 * highest))
        axes.set_xticks(places, class_names)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_title(name, fontsize="medium")
    figure.suptitle("Classes that the digit classifier sees")
    return rendered(figure)


def loss_curves(
    curves: Mapping[str, Mapping[float, Float[Tensor, " predictions"]]],
    predictions: Float[Tensor, " predictions"],
    xlabels: Mapping[str, str],
) -> Picture:
    """The value of each loss over the prediction, for several targets, with the minima marked."""
    figure = Figure(figsize=(4.6 * len(curves), 4.4), dpi=100, layout="constrained")
    x = predictions.numpy()
    for place, (loss, by_target) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(1, len(curves), place)
        for number, (target, values) in enumerate(by_target.items()):
            lowest = int(values.argmin())
            axes.plot(x, values.numpy(), color=f"C{number}", label=f"{target:g}")
            axes.plot(
                x[lowest], values[lowest], "o", color=f"C{number}", mec="k", ms=7, clip_on=False, zorder=3
            )
            axes.axvline(target, color=f"C{number}", lw=0.8, ls=":")
        low = min(float(values.min()) for values in by_target.values())
        high = max(float(values.quantile(0.9)) for values in by_target.values())
        axes.set(title=loss, xlabel=xlabels[loss], ylabel="nats per pixel", xlim=(0, 1))
        axes.set_ylim(low - 0.08 * (high - low), high)
        axes.grid(alpha=0.2)
    figure.axes[0].legend(title="target", frameon=False, ncols=2)
    figure.suptitle("Loss of a pixel over its prediction; dots: minima, dotted lines: targets")
    return rendered(figure)


def rate_distortion(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], xlabel: Mapping[str, str]
) -> Picture:
    """Rate over distortion: one panel per set of comparable runs, one colour per kind, one point per run."""
    figure, all_axes = grid(len(panels), (5.2, 4.4), columns=2)
    for axes, (title, kinds) in zip(all_axes, panels.items(), strict=True):
        for number, (kind, points) in enumerate(kinds.items()):
            distortion, rate = zip(*points, strict=True)
            axes.plot(distortion, rate, "o", color=f"C{number % 10}", alpha=0.8, label=escaped(kind))
        axes.set(xlabel=xlabel[title], ylabel="rate (nats per image)")
        axes.set_title(escaped(title), fontsize="medium", wrap=True)
        axes.grid(alpha=0.2)
        axes.legend(frameon=False, fontsize="small")
    return rendered(figure)


def strips(panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Picture:
    """One panel per metric, one row per group, one dot per run, and a bar at each group's mean."""
    names = list(next(iter(panels.values())))
    figure = Figure(
        figsize=(2.2 + 2.9 * min(len(panels), 4), (1.0 + 0.3 * len(names)) * math.ceil(len(panels) / 4)),
        dpi=100,
        layout="constrained",
    )
    rows, columns = math.ceil(len(panels) / 4), min(len(panels), 4)
    for place, (title, groups) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for height, name in enumerate(reversed(names)):
            values = groups[name]
            colour = f"C{(len(names) - 1 - height) % 10}"
            axes.plot(values, [height] * len(values), "o", color=colour, alpha=0.75, ms=6)
            if values:
                axes.plot([sum(values) / len(values)], [height], "|", color="k", ms=14)
        first_column = (place - 1) % columns == 0
        axes.set_yticks(
            range(len(names)),
            [escaped(name) for name in reversed(names)] if first_column else [""] * len(names),
        )
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_title(title, fontsize="small", wrap=True)
        axes.tick_params(axis="x", labelsize="small")
        axes.grid(alpha=0.25)
    return rendered(figure)
