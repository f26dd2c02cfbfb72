"""Ends the processes that a command has started when it is killed, so that none keeps running unnoticed.

The parent writes its id to the environment before it starts children. A child compares it with the id of its
parent. The second id alone would not do: the parent may be killed before the child has read it.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

PARENT = "JLML_PARENT"


@contextmanager
def as_parent() -> Iterator[None]:
    """Children that this process starts within the context end with it."""
    os.environ[PARENT] = str(os.getpid())
    try:
        yield
    finally:
        os.environ.pop(PARENT, None)


@cache
def end_with_parent() -> None:
    """Watches a parent that asked for it, and exits as soon as it has ended, even if this process is stuck.

    A process calls this before it imports torch, because its parent can be killed meanwhile. Only the first
    call matters. Exits without cleaning up. That is safe, because all files are written atomically.
    """
    parent = int(os.environ.pop(PARENT, 0))  # not for the children of this process, which have another parent
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun has started this process
        parent = os.getppid()
        if parent == 1 and not _is_torchrun(parent):
            os._exit(1)  # init has taken this process over, because torchrun has ended
    if parent and os.name == "posix":  # on Windows, a process keeps the id of a parent that has ended
        threading.Thread(target=_watch, args=[parent], name="end_with_parent", daemon=True).start()


def _is_torchrun(process: int) -> bool:
    """Whether a process is torchrun. It can have the id 1 in a container."""
    with suppress(OSError):  # no /proc
        return b"torch" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
