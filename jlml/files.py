"""Files that are never seen half-written, and locks that no dead process holds."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """The file is the old one or the new one, never half of either. A link is replaced, not followed.

    Raises:
        OSError: naming the file, where the disk is full, say.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_leftovers(*folders: Path) -> None:
    """Removes what `write_whole` had begun in folders when its process was killed; no one may be at them."""
    for path in chain.from_iterable(folder.glob(".*.*") for folder in folders):
        if path.suffix[1:].isdigit() and path.is_file():
            path.unlink()


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds; empty where there is none, and if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


@contextmanager
def locked(path: Path, wait: float = 0) -> Iterator[bool]:
    """Whether this process alone has the lock, inside; False if another keeps it for ``wait`` seconds.

    The kernel's lock on a file: it goes with its process, however that ends.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
