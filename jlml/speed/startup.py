"""Imports libraries without garbage collection, which is faster.

Imports create millions of objects and almost no garbage. Garbage collection takes .8 s of the 4.3 s of torch
and lightning (`make bench ARGS="first_step"`), and a sixth of `train.py --help`.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Turns off garbage collection during imports.

    The imported objects are excluded from later collections, which stay short and frequent. Otherwise
    hundreds of closed figures would stay in memory.
    """
    if gc.get_freeze_count():  # an earlier job in this process has imported everything already
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # otherwise triton reports the frozen objects as leaks at exit
        gc.enable()
