"""Where downloaded data lie, and downloads by torchvision: with a time limit, no trace if they fail."""

import contextlib
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

DEFAULT_ROOT = "data"
TIMEOUT = 30  # seconds without a response


def download_root(given: str | None) -> Path:
    """The folder of all downloaded data: as given, else in JLML_DATA, else `data`."""
    return Path(given or os.environ.get("JLML_DATA") or DEFAULT_ROOT)


@contextlib.contextmanager
def downloading(*folders: Path) -> Iterator[None]:
    """Sets the time limit and hides what is printed. If it fails, removes those folders that it created.

    Args:
        folders: where files will be written, innermost first.
    """
    created = [folder for folder in folders if not folder.exists()]
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(TIMEOUT)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except BaseException:
        for folder in created:
            with contextlib.suppress(OSError):  # not created yet, or not empty
                folder.rmdir()
        raise
    finally:
        socket.setdefaulttimeout(timeout)
