"""Files that are never seen half-written, locks that no dead process holds, doubt in what others wrote."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from jlml.errors import UserError

LARGEST = 1 << 22  # bytes: what a run writes in words is a thousandth of it


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """The file is the old one or the new one, never half of either. A link is replaced, not followed.

    Raises:
        OSError: naming the file, where the disk is full, say.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as file:  # else a link that lies there would be followed
            # half of a character can come from a stranger's escapes, and has no bytes
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
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


def read_whole(path: Path, most: int = LARGEST) -> bytes:
    """What a file holds, of which a stranger may have made a link to something endless.

    Raises:
        OSError: it cannot be read, is no plain file, or holds more bytes than ``most``.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise OSError(f"{path} is no plain file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{path} holds more than {most:,} bytes")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds; empty where there is none, and if it is damaged."""
    try:
        content = json.loads(read_whole(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_yaml(path: Path, most: int = LARGEST) -> Any:
    """What a file holds, in plain containers, nothing in it resolved.

    Raises:
        Exception: of any kind, if it is not such a file.
    """
    text = read_whole(path, most).decode()
    # a few lines of aliases of aliases would become more than any memory holds
    if "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("it has aliases (*name), which nothing here writes")
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)


def is_number(value: Any) -> bool:
    """Whether what stands in such a file is a number that can be shown, and compared."""
    return isinstance(value, (int, float)) and abs(value) < 1e300


def refuse_links_out(folder: Path) -> None:
    """Refuses a folder in which a link leads out of it: whoever writes there would write elsewhere.

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
    """Whether this process alone has the lock, inside; False if another keeps it for ``wait`` seconds.

    The kernel's lock on a file: it goes with its process, however that ends.
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
