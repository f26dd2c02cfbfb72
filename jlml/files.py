"""Files that are never seen half-written, locks that end with their process, and reading untrusted files."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from jlml.errors import UserError

LARGEST = 1 << 22  # bytes: a thousand times as large as a text file of a run


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Writes a file so that it is the old one or the new one at any moment. A link is replaced, not followed.

    Raises:
        OSError: naming the file, for example if the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as file:  # so that a link that lies there is not followed
            # an escape in an untrusted file can contain half of a character, which has no bytes
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_leftovers(*folders: Path) -> None:
    """Removes what `write_atomically` left behind when its process was killed. Needs the folders' lock."""
    for path in chain.from_iterable(folder.glob(".*.*") for folder in folders):
        if path.suffix[1:].isdigit() and path.is_file():
            path.unlink()


def read_limited(path: Path, most: int = LARGEST) -> bytes:
    """The content of an untrusted file, which may be a link to something endless.

    Raises:
        OSError: it cannot be read, is not a plain file, or holds more bytes than ``most``.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise OSError(f"{path} is not a plain file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{path} holds more than {most:,} bytes")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty if there is no file or it is damaged."""
    try:
        content = json.loads(read_limited(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def is_number(value: Any) -> bool:
    """Whether a value from such a file is a number that can be shown and compared."""
    return isinstance(value, (int, float)) and abs(value) < 1e300


def refuse_links_out(folder: Path) -> None:
    """Refuses a folder with a link that leads out of it: what is written there would go elsewhere.

    Raises:
        UserError: naming the link.
    """
    home = folder.resolve()
    for place, folders, files in os.walk(folder):
        for entry in (Path(place, name) for name in (*folders, *files)):
            target = Path(os.path.realpath(entry))
            if entry.is_symlink() and not target.is_relative_to(home):
                raise UserError(
                    f"{entry} is a link that leads out of {folder}, to {target}, and nothing is written "
                    "through it. Remove it, or put what it leads to in its place."
                )


@contextmanager
def locked(path: Path, wait: float = 0) -> Iterator[bool]:
    """Inside, whether this process has the lock; False if another one keeps it for ``wait`` seconds.

    It is the kernel's lock on a file, which ends with its process, however that ends.
    """
    from filelock import FileLock, Timeout  # --help need not wait for it

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
