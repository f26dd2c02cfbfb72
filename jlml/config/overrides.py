"""Overrides in Hydra's grammar, and whole commands for a shell."""

import re
import shlex


def override(key: str, value: str) -> str:
    """``key=value`` as Hydra reads it. A text with signs that mean something to Hydra is quoted."""
    if re.fullmatch(r"[\w./:@+-]*|\[.*\]", value):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{escaped}'"


def key_of(given: str) -> str:
    """The key or group that an override sets."""
    return given.lstrip("+~").partition("=")[0]


def command_line(script: str, *overrides: str) -> str:
    """A line to paste into a shell."""
    return shlex.join(["python", script, *overrides])
