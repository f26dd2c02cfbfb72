"""Where a user's machine keeps what takes long to make, and what tells that it has to be made anew."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """$JLML_CACHE, or a folder where the XDG base directory specification has a user's caches.

    Raises:
        RuntimeError: there is no home.
    """
    if chosen := os.environ.get("JLML_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jlml"


def state_of(file: Path) -> list[Any]:
    """What changes when a file does; also ctime, which no program can set back.

    Raises:
        OSError: it is not there.
    """
    state = file.stat()
    return [str(file.resolve()), state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def keep(place: Path, content: str | memoryview) -> None:
    """Writes a file into the cache; a folder that cannot be written costs the next time, not this one."""
    from jlml.files import write_whole  # here: it imports OmegaConf, and what is kept is read without

    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, content)
