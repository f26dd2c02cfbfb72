"""The ranges of a search: parses `search.ranges`, and suggests values as overrides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, isfinite
from typing import Any

from optuna.trial import BaseTrial

from jlml.config import shown
from jlml.errors import UserError, did_you_mean

BOUNDS = ("low", "high", "step", "log")
EXAMPLE = "{low: 1e-4, high: 1e-2, log: true}"


@dataclass(frozen=True)
class Numbers:
    """The numbers from ``low`` to ``high``: integers if both bounds are integers."""

    key: str
    low: float
    high: float
    step: float | None
    log: bool

    def suggest(self, trial: BaseTrial) -> str:
        """A value for a trial. Floats are rounded to four digits, to keep commands readable."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(
                trial.suggest_int(self.key, self.low, self.high, step=int(self.step or 1), log=self.log)
            )
        value = trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)
        short = float(f"{value:.4g}")
        return repr(short if self.low <= short <= self.high else value)

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values to check before a search starts."""
        return shown(self.low), shown(self.high)


@dataclass(frozen=True)
class Choices:
    """A list of values, stored as texts, so that Optuna can store lists such as layer widths."""

    key: str
    values: tuple[str, ...]

    def suggest(self, trial: BaseTrial) -> str:
        """A value for a trial."""
        return trial.suggest_categorical(self.key, self.values)

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values to check before a search starts: all of them."""
        return self.values


Range = Numbers | Choices


def ranges_of(node: Mapping[str, Any]) -> tuple[Range, ...]:
    """The ranges of a config, in its order.

    Raises:
        UserError: there is no range, or a range is invalid.
    """
    ranges = tuple(ranges_in(node, ""))
    if not ranges:
        raise UserError(
            "search.ranges is empty. Choose search=ae or search=vae, or add a range: "
            f"'+search.ranges.optimizer.lr={EXAMPLE}'."
        )
    keys = [range_.key for range_ in ranges]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"search.ranges names {key} twice, once nested and once with dots.")
    return ranges


def ranges_in(node: Mapping[str, Any], prefix: str) -> Iterator[Range]:
    """The ranges in a node. Their keys get the prefix."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, list):
            yield choices(key, value)
        elif not isinstance(value, Mapping):
            near = did_you_mean(str(name), (*BOUNDS, "choices"))
            raise UserError(
                f"search.ranges.{key}={shown(value)} is not a range: expected {EXAMPLE} or a list of choices."
                + (near or f" To fix the key, use {key}={shown(value)}.")
            )
        elif "choices" in value:
            refuse_others(key, value, ("choices",))
            yield choices(key, value["choices"])
        elif "low" in value or "high" in value:
            refuse_others(key, value, BOUNDS)
            yield numbers(key, **value)
        else:
            yield from ranges_in(value, f"{key}.")


def refuse_others(key: str, node: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Refuses options that a range does not have.

    Raises:
        UserError: the message names the option.
    """
    for name in node:
        if name not in allowed:
            raise UserError(
                f"search.ranges.{key}.{name} is not an option of a range.{did_you_mean(str(name), allowed)} "
                f"Choose one of: {', '.join(allowed)}."
            )


def choices(key: str, values: Any) -> Choices:
    """A range of the given values.

    Raises:
        UserError: the values are not a list of two or more different values.
    """
    texts = tuple(map(shown, values)) if isinstance(values, list) else ()
    if len(set(texts)) < 2 or len(set(texts)) < len(texts):
        raise invalid(key, values, "a list of two or more different values")
    for value, text in zip(values, texts, strict=True):
        if isinstance(value, Mapping) or "'" in text:
            raise invalid(key, values, f"numbers, names or lists, not {text}")
    return Choices(key, texts)


def numbers(key: str, low: Any = None, high: Any = None, step: Any = None, log: Any = False) -> Numbers:
    """A range between two numbers.

    Raises:
        UserError: the range is empty, or an option is invalid.
    """
    for option, value in (("low", low), ("high", high), ("step", step)):
        if value is None and option != "step":
            raise UserError(f"search.ranges.{key} has no {option}: expected {EXAMPLE}.")
        if value is not None and not is_number(value):
            raise invalid(f"{key}.{option}", value, "a number")
    if not isinstance(log, bool):
        raise invalid(f"{key}.log", log, "true or false")
    if low >= high:
        raise invalid(f"{key}.low", low, f"a number below high={high}")
    if log and low <= 0:
        raise invalid(f"{key}.low", low, "a number above 0 with log=true")
    if step is not None:
        if log:
            raise UserError(f"search.ranges.{key} has step and log=true. Leave one out.")
        if not 0 < step <= high - low:
            raise invalid(f"{key}.step", step, f"a number above 0, at most {high - low}")
        high = low + floor((high - low) / step + 1e-9) * step  # the last number that a step reaches
    if all(isinstance(value, int) for value in (low, high, step or 1)):
        return Numbers(key, low, high, step, log)
    return Numbers(key, float(low), float(high), None if step is None else float(step), log)


def invalid(key: str, value: Any, expected: str) -> UserError:
    """The error for an invalid value in a range."""
    return UserError(f"search.ranges.{key}={shown(value)} is invalid: expected {expected}.")


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
