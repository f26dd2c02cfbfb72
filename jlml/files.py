"""Files that are never seen half-written."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """The file is the old one or the new one, never half of either. A link is replaced, not followed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds; empty where there is none, and if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
