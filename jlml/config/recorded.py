"""The config that a run has left behind, read as if a stranger had written it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jlml.config.composed import Config
from jlml.errors import UserError, gist
from jlml.files import read_yaml

LARGEST = 1 << 18  # bytes: a hundred times what a run writes
MOST_BITS = 64  # of a whole number: longer ones overflow one thing or another


def recorded(file: Path) -> Config:
    """What `config.yaml` of a run says: plain, resolved, and of a run.

    Raises:
        UserError: it is not.
    """
    try:
        config = read_yaml(file, LARGEST)
    except Exception as error:  # a damaged file can make the parser raise anything
        raise UserError(f"{file} cannot be read: {gist(error)}.") from error
    for odd in oddities(config):
        raise UserError(f"{file} has {odd}, which no run writes. It is not loaded.")
    if not isinstance(config, dict) or not is_shape(config.get("image_shape")):
        raise UserError(f"{file} is not the config of a run: it has no image_shape of three numbers.")
    if not is_choices(config.get("choices")) or not is_words(config.get("changes")):
        raise UserError(f"{file} is not the config of a run: it has no choices and changes.")
    return config


def oddities(node: Any) -> Iterator[str]:
    """What no plain config has, in words."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if not isinstance(key, str):
                yield "a key that is not a word"
            yield from oddities(key)
            yield from oddities(value)
    elif isinstance(node, list):
        for value in node:
            yield from oddities(value)
    elif isinstance(node, str):
        # of the value, not of the file, where an escape can hide it. It was resolved when it was written: now
        # it would run a resolver of a stranger's choice
        if "${" in node:
            yield "an interpolation (${...})"
        elif node == "???":
            yield "a missing value (???)"
    elif isinstance(node, int) and node.bit_length() > MOST_BITS:
        yield f"a number of more than {MOST_BITS} bits"


def is_choices(value: Any) -> bool:
    """Whether this says what was chosen of each group."""
    is_of_words = isinstance(value, dict) and all(isinstance(word, str) for word in value.values())
    return is_of_words and {"model", "loss"} <= value.keys()


def is_words(value: Any) -> bool:
    """Whether this is a list of strings."""
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def is_shape(value: Any) -> bool:
    """Whether this is (channels, height, width)."""
    return isinstance(value, list) and len(value) == 3 and all(isinstance(n, int) and n > 0 for n in value)
