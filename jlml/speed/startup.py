"""Imports without the search for garbage.

Importing torch and lightning makes millions of objects, and hardly any garbage. Python looks for garbage all
the same: .8 s of 4.3 s (`make bench ARGS="first_step"`).
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around imports of torch and lightning: looks for no garbage inside.

    What is there afterwards is left out of later searches. These are short and come often, otherwise closed
    figures would wait for them by the hundred.
    """
    if gc.get_freeze_count():  # an earlier job has imported everything, and may have left garbage
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # otherwise triton prints everything at exit that it calls leaked
        gc.enable()
