"""Reads the config file of a run as an untrusted file."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from jlml.config import Config
from jlml.errors import UserError, first_line
from jlml.files import is_texts, read_limited

LARGEST = 1 << 18  # bytes: a hundred times the size that a run writes
MOST_BITS = 64  # longest integer: longer ones overflow in some library


def read_config(file: Path) -> Config:
    """Reads the `config.yaml` of a run: plain, resolved and complete.

    Raises:
        UserError: the file is not the config of a run.
    """
    try:
        config = read_yaml(file)
    except Exception as error:  # a damaged file can make the parser raise any error
        raise UserError(f"{file} cannot be read: {first_line(error)}.") from error
    for content in forbidden_content(config):
        raise UserError(f"{file} has {content}, which no run writes. It is not loaded.")
    if not isinstance(config, dict) or not is_shape(config.get("image_shape")):
        raise UserError(f"{file} is not the config of a run: it has no image_shape of three integers.")
    if not is_choices(config.get("choices")) or not is_texts(config.get("changes")):
        raise UserError(f"{file} is not the config of a run: it has no choices and changes.")
    return config


def read_yaml(path: Path, most: int = LARGEST) -> Any:
    """The content of an untrusted YAML file in plain containers, without resolving interpolations.

    Raises:
        Exception: of any type, if the file cannot be read or parsed.
    """
    text = read_limited(path, most).decode()
    # a few lines of nested aliases can fill the memory
    if "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("it has aliases (*name), which jlml never writes")
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)


def forbidden_content(node: Any) -> Iterator[str]:
    """Descriptions of values that a plain config never contains."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if not isinstance(key, str):
                yield "a key that is not a text"
            yield from forbidden_content(key)
            yield from forbidden_content(value)
    elif isinstance(node, list):
        for value in node:
            yield from forbidden_content(value)
    elif isinstance(node, str):
        # A run writes resolved values. An interpolation could call a resolver that an attacker chose. Check
        # the parsed value: in the file's text, escapes can hide it.
        if "${" in node:
            yield "an interpolation (${...})"
        elif node == "???":
            yield "a missing value (???)"
    elif isinstance(node, int) and node.bit_length() > MOST_BITS:
        yield f"a number of more than {MOST_BITS} bits"


def is_choices(value: Any) -> bool:
    """Whether a value maps config groups, with at least model and loss, to their options."""
    are_texts = isinstance(value, dict) and all(isinstance(option, str) for option in value.values())
    return are_texts and {"model", "loss"} <= value.keys()


def is_shape(value: Any) -> bool:
    """Whether a value is a shape (channels, height, width)."""
    return isinstance(value, list) and len(value) == 3 and all(isinstance(n, int) and n > 0 for n in value)
