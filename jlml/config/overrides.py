"""Checks overrides, writes them in Hydra's grammar, and writes commands for a shell."""

import re
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

from jlml.config.keys import CONF
from jlml.errors import UserError

MERGED = ("callbacks", "logger")  # groups of which several choices can be used together


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuses several choices of a group as a list, which Hydra would merge.

    Raises:
        UserError: the message names the override.
    """
    for given in OverridesParser.create().parse_overrides(list(overrides)):
        group, value = given.key_or_group, given.value()
        if isinstance(value, list) and group not in MERGED and (CONF / group).is_dir():
            raise UserError(
                f"{given.input_line} is invalid: {group} has one choice. To train with each of several "
                f"choices, use train.py -m {group}={','.join(map(str, value))}."
            )


def override(key: str, value: str) -> str:
    """``key=value`` for Hydra, quoted if the value contains characters with a meaning in Hydra's grammar."""
    if re.fullmatch(r"[\w./:@+-]*|\[.*\]", value):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{escaped}'"


def key_of(given: str) -> str:
    """The key or group that an override sets."""
    return given.lstrip("+~").partition("=")[0]


def command_line(script: str, *overrides: str) -> str:
    """A command to paste into a shell."""
    return shlex.join(["python", script, *overrides])
