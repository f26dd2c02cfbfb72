"""Which keys there are, in which files, and how a value is written on a command line."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from omegaconf import OmegaConf
from pydantic import BaseModel

from jlml.config.compose import CONF
from jlml.config.schema import Evaluate, Train


def known_keys() -> set[str]:
    """Every dotted key of a training config: what a mistyped one can be compared with."""
    return {key for _, keys in _files() for key in keys} | set(_keys_of(Train))


def keys_of_evaluation() -> set[str]:
    """Every key of an evaluation's config."""
    return set(_keys_of(Evaluate))


def homes_of(key: str) -> list[str]:
    """The choices, such as ``loss=mse``, whose file has this key."""
    return sorted(choice for choice, keys in _files() if key in keys)


@cache
def _files() -> list[tuple[str, set[str]]]:
    """Every file of a group under conf/ as a choice, with its keys; read once."""
    files = []
    for file in CONF.glob("*/*.yaml"):
        group = file.parent.name
        if group not in ("hydra", "experiment"):
            keys = set(_dotted(OmegaConf.to_container(OmegaConf.load(file)), group))
            files.append((f"{group}={file.stem}", keys))
    return files


def _dotted(node: Any, key: str) -> Iterator[str]:
    yield key
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name != "defaults":
                yield from _dotted(value, f"{key}.{name}")


def _keys_of(schema: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in schema.model_fields.items():
        yield f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys_of(field.annotation, f"{prefix}{name}.")


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted key; ``...`` if there is none."""
    value: Any = config
    for name in key.split("."):
        value = value.get(name, ...) if isinstance(value, Mapping) else ...
    return value


def shown(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys with their values."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
