"""Atomic writes, file locks, and safe reading of untrusted files."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from jlml.errors import UserError

LARGEST = 1 << 22  # bytes: a thousand times the size of a run's text files


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Writes a file atomically: readers see the old or the new content. A link is replaced, not followed.

    Raises:
        OSError: the file cannot be written, for example because the disk is full. The error has its path.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:  # "x" does not follow a link of that name
            # an escape in an untrusted file can contain a lone surrogate, which UTF-8 cannot encode
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_leftovers(*folders: Path) -> None:
    """Removes temporary files that a killed process left behind. The caller must hold the folders' lock."""
    for path in chain.from_iterable(folder.glob(".*.*") for folder in folders):
        if path.suffix[1:].isdigit() and path.is_file():
            path.unlink()


def read_limited(path: Path, most: int = LARGEST) -> bytes:
    """The content of an untrusted file, which may be a link to an endless device.

    Raises:
        OSError: the file cannot be read, is not a regular file, or has more than ``most`` bytes.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise OSError(f"{path} is not a regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{path} has more than {most:,} bytes")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if the file is missing or damaged."""
    try:
        content = json.loads(read_limited(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def is_texts(value: Any) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_number(value: Any) -> bool:
    """Whether a value from an untrusted file is a number that can be shown and compared."""
    return isinstance(value, (int, float)) and abs(value) < 1e300


def refuse_links_out(folder: Path) -> None:
    """Refuses a folder with a link that leads out of it: writing through it would change other files.

    Raises:
        UserError: the message names the link.
    """
    home = folder.resolve()
    for place, folders, files in os.walk(folder):
        for entry in (Path(place, name) for name in (*folders, *files)):
            target = Path(os.path.realpath(entry))
            if entry.is_symlink() and not target.is_relative_to(home):
                raise UserError(
                    f"{entry} is a link that leads out of {folder}, to {target}. jlml does not write through "
                    "it. Remove the link, or replace it by its target."
                )


@contextmanager
def locked(path: Path, wait: float = 0) -> Iterator[bool]:
    """Takes a lock and yields True, or False if another process holds it for ``wait`` seconds; -1 waits.

    The kernel releases the lock when its process ends, even if it is killed.
    """
    from filelock import FileLock, Timeout  # imported here to keep --help fast

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
