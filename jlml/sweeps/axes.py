"""Assigns the swept keys to the x axis, the lines and the panels of a sweep's picture."""

import re
from collections.abc import Mapping, Sequence

from jlml.pictures.figures import Ticks

FIRST_ON_X = ("latent.dim", "latent")
LINES_FIRST = ("loss", "model.beta", "optimizer.lr")


def roles_of(factors: Mapping[str, Sequence[str]]) -> tuple[str, str | None, str | None]:
    """The factors for the x axis, the lines and the panels.

    The x axis shows the latent dim, otherwise the numeric factor with the most values, otherwise the factor
    with the most values. Lines show the loss, and panels the model. Lines also show all further factors.
    """
    numeric = [key for key, values in factors.items() if is_numeric(values)]
    by_length = sorted(numeric or factors, key=lambda key: -len(factors[key]))
    along = next((key for key in FIRST_ON_X if key in numeric), by_length[0])
    rest = [key for key in factors if key != along]
    line = next((key for key in LINES_FIRST if key in rest), rest[-1] if rest else None)
    others = [key for key in rest if key != line]
    panel = "model" if "model" in others else (others[0] if others else None)
    return along, line, panel


def is_numeric(values: Sequence[str]) -> bool:
    """Whether a numeric axis can show these values, for example 2 and 16, or d2 and d16."""
    return len(values) > 1 and all(re.fullmatch(r"d?\d+(\.\d+)?(e[+-]?\d+)?", value) for value in values)


def as_number(value: str) -> float:
    """The number of a numeric value."""
    return float(value.removeprefix("d"))


def ticks_of(key: str, values: Sequence[str]) -> Ticks:
    """The ticks of the x axis: numbers at their values, names at equal distances."""
    if not is_numeric(values):
        return Ticks(key, list(range(len(values))), list(values), log=False)
    positions = [as_number(value) for value in values]
    log = positions[0] > 0 and positions[-1] >= 5 * positions[0]
    return Ticks(
        "latent dim" if key in FIRST_ON_X else key,
        positions,
        [value.removeprefix("d") for value in values],
        log,
    )
