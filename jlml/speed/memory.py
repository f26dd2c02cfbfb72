"""Keeps freed memory in the process, so that the next training step can reuse it.

glibc returns blocks of several megabytes to the system as soon as they are free. The next step gets them back
page by page and zeroed, which takes a tenth of the time of a small network with large batches
(`make bench ARGS="nets"`, the row of batch 1024).
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGE, LARGE_BEFORE_2_35 = 2**30, 2**25  # bytes; glibc before 2.35 allows at most 32 MB


def keep_freed_memory() -> None:
    """Makes glibc keep the memory that tensors free, until the process ends. Does not affect the results."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        # both are needed: setting only one turns off glibc's dynamic threshold and makes it slower
        if mallopt is not None and any(
            mallopt(M_MMAP_THRESHOLD, size) for size in (LARGE, LARGE_BEFORE_2_35)
        ):
            mallopt(M_TRIM_THRESHOLD, LARGE)
