"""Words as one types them: `key=value` in Hydra's grammar, and whole commands for a shell."""

import re
import shlex


def word(key: str, value: str) -> str:
    """What sets a key on a command line of Hydra; a text with signs of its own is quoted."""
    if re.fullmatch(r"[\w./:@+-]*|\[.*\]", value):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{escaped}'"


def command(script: str, *words: str) -> str:
    """A line to paste into a shell."""
    return shlex.join(["python", script, *words])
