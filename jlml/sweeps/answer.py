"""What a sweep says: each metric by group, averaged over seeds, and the factors against each other."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jlml.comparison.quantities import QUANTITIES
from jlml.comparison.spread import Spread, best_of
from jlml.evaluation.tables import Cell, Table, arrow
from jlml.files import write_atomically
from jlml.pictures.figures import Line, Picture, Ticks, as_png, factor_lines
from jlml.sweeps.folder import Result, Sweep
from jlml.sweeps.plan import LIKELIHOODS

SEEDS = ("seed", "data.seed")
COMPARABLE = ("mse", "bce", "kl")  # whatever the loss
DENSITIES = ("loss", "nll", "elbo")  # compare under one loss and one kind of pixels only
FIRST_ON_X = ("latent.dim", "latent")
LINES_FIRST = ("loss", "model.beta", "optimizer.lr")


@dataclass(frozen=True)
class Answer:
    """A group for each combination of the swept values but the seed.

    Args:
        factors: the swept keys but the seed, with their values.
        groups: the finished jobs of each combination, in the order of the sweep.
    """

    factors: dict[str, list[str]]
    groups: dict[tuple[str, ...], list[Result]]

    @property
    def metrics(self) -> list[str]:
        """The quantities whose numbers compare across all groups."""
        mixed = any(key.split(".")[0] in LIKELIHOODS for key in self.factors)
        names = [*COMPARABLE, *([] if mixed else DENSITIES)]
        if self._several_objectives and "loss" in names:
            names.remove("loss")
        return [name for name in names if any(self.values(group, name) for group in self.groups)]

    @property
    def _several_objectives(self) -> bool:
        """Whether models minimise different things: one the ELBO, say, the other a likelihood alone."""
        return any(key == "model" or key.startswith(("model._target_", "model.beta")) for key in self.factors)

    @property
    def differing_images(self) -> str:
        """A warning where groups were tested on different images; empty where all were on the same."""
        keys = [key for key in self.factors if key.split(".")[0] in ("data", "experiment")]
        return f"Tested on different images: no number compares across {', '.join(keys)}." if keys else ""

    def values(self, group: tuple[str, ...], quantity: str) -> list[float]:
        """On the test images, a value a seed."""
        found = (result.metrics.get(f"test/{quantity}") for result in self.groups[group])
        return [value for value in found if value is not None]

    def table(self) -> Table:
        """A row a group; bold where one is better than every other by more than the noise of its seeds."""
        spreads = {
            name: [
                Spread(values, len(results)) if (values := self.values(group, name)) else None
                for group, results in self.groups.items()
            ]
            for name in self.metrics
        }
        same_images = not self.differing_images
        best = {
            name: best_of(column, QUANTITIES[name]) if same_images else None
            for name, column in spreads.items()
        }
        rows = [
            [
                *map(Cell, group),
                Cell(str(len(self.groups[group]))),
                *(
                    Cell(spread.written(QUANTITIES[name]) if spread else "", bold=best[name] == place)
                    for name, spread in ((name, spreads[name][place]) for name in self.metrics)
                ),
            ]
            for place, group in enumerate(self.groups)
        ]
        heads = [f"{QUANTITIES[name].label}{arrow(QUANTITIES[name])}" for name in self.metrics]
        return Table(
            "On the test images, mean ± standard deviation over seeds", [*self.factors, "seeds", *heads], rows
        )

    def picture(self) -> Picture | None:
        """Factors against each other: one on the x axis, one a line, one a panel. None without factors."""
        if not self.factors:
            return None
        along, line, panel = roles(self.factors)
        ticks = ticks_of(along, self.factors[along])
        rest = [key for key in self.factors if key not in (along, panel)]
        rows = {
            f"test {QUANTITIES[name].label}\n{QUANTITIES[name].unit}": self._panels(name, along, rest, panel)
            for name in self.metrics
        }
        title = "Mean, band of one standard deviation over seeds" if self._has_seeds else "One seed each"
        by = f"; a line for each {', '.join(rest)}" if line else ""
        warning = f"\n{self.differing_images}" if self.differing_images else ""
        return factor_lines(rows, ticks, title + by + warning)

    @property
    def _has_seeds(self) -> bool:
        return any(len(results) > 1 for results in self.groups.values())

    def _panels(self, name: str, along: str, rest: Sequence[str], panel: str | None) -> dict[str, list[Line]]:
        """The lines of a metric, by panel; in every panel the same lines in the same order."""
        panels: dict[str, dict[str, dict[int, list[float]]]] = {}
        for group in self.groups:
            values = self.values(group, name)
            chosen = dict(zip(self.factors, group, strict=True))
            title = f"{panel}={chosen[panel]}" if panel else ""
            label = ", ".join(chosen[key] if len(rest) == 1 else f"{key}={chosen[key]}" for key in rest)
            place = self.factors[along].index(chosen[along])
            line = panels.setdefault(title, {}).setdefault(label, {})
            if values:
                line[place] = values
        labels = list(dict.fromkeys(label for lines in panels.values() for label in lines))
        return {
            title: [Line(label, lines.get(label, {})) for label in labels] for title, lines in panels.items()
        }


def answer_of(results: Sequence[Result]) -> Answer:
    """Finished jobs in groups that differ in more than the seed."""
    finished = [result for result in results if result.status == "finished"]
    keys = [key for key in results[0].factors if key not in SEEDS]
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in finished:
        groups.setdefault(tuple(result.factors[key] for key in keys), []).append(result)
    factors = {key: list(dict.fromkeys(result.factors[key] for result in finished)) for key in keys}
    return Answer(
        {
            key: sorted(values, key=as_number) if along_x(values) else values
            for key, values in factors.items()
        },
        groups,
    )


def roles(factors: Mapping[str, Sequence[str]]) -> tuple[str, str | None, str | None]:
    """Which factor goes along the x axis, which makes lines, which makes panels.

    The latent dim goes along the axis, else the numbers with most values, else the longest list of words;
    of the rest the loss makes lines, the model panels. What is left over joins the lines.
    """
    numeric = [key for key, values in factors.items() if along_x(values)]
    by_length = sorted(numeric or factors, key=lambda key: -len(factors[key]))
    along = next((key for key in FIRST_ON_X if key in numeric), by_length[0])
    rest = [key for key in factors if key != along]
    line = next((key for key in LINES_FIRST if key in rest), rest[-1] if rest else None)
    others = [key for key in rest if key != line]
    panel = "model" if "model" in others else (others[0] if others else None)
    return along, line, panel


def along_x(values: Sequence[str]) -> bool:
    """Whether these can stand on an axis of numbers."""
    return len(values) > 1 and all(re.fullmatch(r"d?\d+(\.\d+)?(e[+-]?\d+)?", value) for value in values)


def as_number(value: str) -> float:
    """A number; of a choice like d16, its number."""
    return float(value.removeprefix("d"))


def ticks_of(key: str, values: Sequence[str]) -> Ticks:
    """The x axis: numbers where they stand, words side by side."""
    if not along_x(values):
        return Ticks(key, list(range(len(values))), list(values), log=False)
    positions = [as_number(value) for value in values]
    log = positions[0] > 0 and positions[-1] >= 5 * positions[0]
    return Ticks(
        "latent dim" if key in FIRST_ON_X else key,
        positions,
        [value.removeprefix("d") for value in values],
        log,
    )


def write_answer(sweep: Sweep, answer: Answer) -> list[str]:
    """Writes groups.csv and answer.png into the sweep's folder, and returns their names."""
    write_atomically(sweep.path / "groups.csv", groups_csv(answer))
    picture = answer.picture()
    if picture is None:
        return ["groups.csv"]
    write_atomically(sweep.path / "answer.png", as_png(picture))
    return ["groups.csv", "answer.png"]


def groups_csv(answer: Answer) -> str:
    """A row a group and metric."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*answer.factors, "metric", "seeds", "mean", "standard_deviation"])
    for group in answer.groups:
        for name in answer.metrics:
            values = answer.values(group, name)
            if values:
                spread = Spread(values)
                deviation = "" if spread.deviation is None else spread.deviation
                table.writerow([*group, f"test/{name}", len(values), spread.mean, deviation])
    return text.getvalue()
