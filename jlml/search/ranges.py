"""What a search may try: `search.ranges`, from the config's nodes to values, as words of a command line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, isfinite
from typing import Any

from optuna.trial import BaseTrial

from jlml.config import flat, shown
from jlml.errors import UserError, did_you_mean

OPTIONS = ("low", "high", "step", "log", "choices")
EXAMPLE = "{low: 1e-4, high: 1e-2, log: true}"


@dataclass(frozen=True)
class Numbers:
    """The numbers from ``low`` to ``high``: whole ones if both are."""

    key: str
    low: float
    high: float
    step: float | None
    log: bool

    def ask(self, trial: BaseTrial) -> str:
        """A value for this trial, as one would type it: four digits, which keeps commands readable."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(
                trial.suggest_int(self.key, self.low, self.high, step=int(self.step or 1), log=self.log)
            )
        value = trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)
        short = float(f"{value:.4g}")
        return repr(short if self.low <= short <= self.high else value)

    def some(self, index: int) -> str:
        """The ends, in turns."""
        return shown((self.low, self.high)[index % 2])


@dataclass(frozen=True)
class Choices:
    """A few values, each as one would type it, which also lets Optuna store a list of widths."""

    key: str
    values: tuple[str, ...]

    def ask(self, trial: BaseTrial) -> str:
        """A value for this trial."""
        return trial.suggest_categorical(self.key, self.values)

    def some(self, index: int) -> str:
        """Each of them, in turns."""
        return self.values[index % len(self.values)]


Range = Numbers | Choices


def key_of(word: str) -> str:
    """The key or group that a word sets."""
    return word.lstrip("+~").partition("=")[0]


def ranges_of(node: Any) -> tuple[Range, ...]:
    """The ranges that a config names, in its order.

    Raises:
        UserError: there is none, or one is no range.
    """
    ranges = tuple(_ranges(node, "")) if isinstance(node, Mapping) else ()
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


def _ranges(node: Mapping[str, Any], prefix: str) -> Iterator[Range]:
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, list):
            yield choices(key, value)
        elif isinstance(value, Mapping) and "choices" in value:
            check_options(key, value, ("choices",))
            yield choices(key, value["choices"])
        elif isinstance(value, Mapping) and ("low" in value or "high" in value):
            check_options(key, value, OPTIONS[:-1])
            yield numbers(key, value)
        elif isinstance(value, Mapping):
            yield from _ranges(value, f"{key}.")
        else:
            near = did_you_mean(str(name), OPTIONS)
            fixed = "" if near else f" To fix the key, say {key}={shown(value)}."
            raise UserError(
                f"search.ranges.{key}={shown(value)} is not a range. Write {EXAMPLE} or a list of choices."
                f"{near}{fixed}"
            )


def check_options(key: str, node: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Refuses an option that a range does not have.

    Raises:
        UserError: naming it.
    """
    for name in node:
        if name not in allowed:
            raise UserError(
                f"search.ranges.{key}.{name} is not an option of a range.{did_you_mean(str(name), allowed)} "
                f"It takes: {', '.join(allowed)}."
            )


def choices(key: str, values: Any) -> Choices:
    """A range of these values.

    Raises:
        UserError: there is no choice.
    """
    texts = tuple(shown(value) for value in values) if isinstance(values, list) else ()
    if len(set(texts)) < 2 or len(set(texts)) < len(texts):
        raise UserError(
            f"search.ranges.{key}={shown(values)} is no choice. Give a list of two values or more, each once."
        )
    for value in values:
        if isinstance(value, Mapping) or "'" in shown(value):
            raise UserError(
                f"search.ranges.{key}: {shown(value)} cannot be a choice. Use numbers, names or lists."
            )
    return Choices(key, texts)


def numbers(key: str, node: Mapping[str, Any]) -> Numbers:
    """A range between two numbers.

    Raises:
        UserError: it is empty, or its steps are not possible.
    """
    given, name = dict(flat(node)), f"search.ranges.{key}"
    low, high, step, log = given.get("low"), given.get("high"), given.get("step"), given.get("log", False)
    for option, value in (("low", low), ("high", high), ("step", step)):
        if value is None and option in ("low", "high"):
            raise UserError(f"{name} has no {option}. Write {EXAMPLE}.")
        if value is not None and not is_number(value):
            raise UserError(f"{name}.{option}={shown(value)} is not possible. Use a number.")
    if not isinstance(log, bool):
        raise UserError(f"{name}.log={shown(log)} is not possible. Use true or false.")
    assert low is not None
    assert high is not None
    if low >= high:
        raise UserError(f"{name} goes from low={low} to high={high}, which is nothing. Use low below high.")
    if log and low <= 0:
        raise UserError(f"{name}.low={low} is not possible with log=true. Use a number above 0.")
    if log and step is not None:
        raise UserError(f"{name} has step and log, which exclude each other. Leave one out.")
    if step is not None and not 0 < step <= high - low:
        raise UserError(f"{name}.step={step} is not possible. Use a number above 0, at most {high - low}.")
    if step is not None:
        steps = floor((high - low) / step + 1e-9)
        high = low + steps * step  # the last number that a step reaches
    if all(isinstance(value, int) for value in (low, high, step or 1)):
        return Numbers(key, low, high, step, log)
    return Numbers(key, float(low), float(high), None if step is None else float(step), log)


def is_number(value: Any) -> bool:
    """Whether this is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
