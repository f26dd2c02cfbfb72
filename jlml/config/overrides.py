"""Writes overrides in Hydra's grammar, and commands for a shell."""

import re
import shlex


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
