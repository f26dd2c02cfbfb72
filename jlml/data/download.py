"""Downloads by torchvision: with a time limit, without its output, and without a trace if they fail."""

import contextlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path

TIMEOUT = 30  # seconds without a response


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
