"""The config that a run has left behind, read as if it came from an untrusted source."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from jlml.config import Config
from jlml.errors import UserError, first_line
from jlml.files import read_limited

LARGEST = 1 << 18  # bytes: a hundred times what a run writes
MOST_BITS = 64  # of an integer: longer ones overflow in one place or another


def read_config(file: Path) -> Config:
    """What `config.yaml` of a run holds: plain, resolved, and complete.

    Raises:
        UserError: it is not the config of a run.
    """
    try:
        config = read_yaml(file)
    except Exception as error:  # a damaged file can make the parser raise anything
        raise UserError(f"{file} cannot be read: {first_line(error)}.") from error
    for oddity in oddities(config):
        raise UserError(f"{file} has {oddity}, which no run writes. It is not loaded.")
    if not isinstance(config, dict) or not is_shape(config.get("image_shape")):
        raise UserError(f"{file} is not the config of a run: it has no image_shape of three integers.")
    if not is_choices(config.get("choices")) or not is_texts(config.get("changes")):
        raise UserError(f"{file} is not the config of a run: it has no choices and changes.")
    return config


def read_yaml(path: Path, most: int = LARGEST) -> Any:
    """The content of an untrusted YAML file, in plain containers, without resolving interpolations.

    Raises:
        Exception: of any kind, if it is not such a file.
    """
    text = read_limited(path, most).decode()
    # a few lines of aliases of aliases would fill any memory
    if "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("it has aliases (*name), which nothing here writes")
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)


def oddities(node: Any) -> Iterator[str]:
    """What no plain config contains, in words."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if not isinstance(key, str):
                yield "a key that is not a text"
            yield from oddities(key)
            yield from oddities(value)
    elif isinstance(node, list):
        for value in node:
            yield from oddities(value)
    elif isinstance(node, str):
        # the value is looked at, not the file, in which an escape can hide it. A run writes resolved values:
        # an interpolation would now call a resolver of somebody else's choice
        if "${" in node:
            yield "an interpolation (${...})"
        elif node == "???":
            yield "a missing value (???)"
    elif isinstance(node, int) and node.bit_length() > MOST_BITS:
        yield f"a number of more than {MOST_BITS} bits"


def is_choices(value: Any) -> bool:
    """Whether this holds the chosen option of each group."""
    are_texts = isinstance(value, dict) and all(isinstance(option, str) for option in value.values())
    return are_texts and {"model", "loss"} <= value.keys()


def is_texts(value: Any) -> bool:
    """Whether this is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_shape(value: Any) -> bool:
    """Whether this is (channels, height, width)."""
    return isinstance(value, list) and len(value) == 3 and all(isinstance(n, int) and n > 0 for n in value)
