"""Files that are never seen half-written."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """The file is the old one or the new one, never half of either. A link is replaced, not followed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
