"""Memory that a step frees stays with the process, for the next step.

glibc returns blocks of some megabytes to the system as soon as they are free, and the next step gets them
page by page and zeroed: a tenth of the time of a small network with large batches
(`make bench ARGS="nets"`, the row of batch 1024).
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGE, LARGE_BEFORE_2_35 = 2**30, 2**25  # bytes; older glibc takes no more than 32 MB


def keep_freed_memory() -> None:
    """Has the C library keep what tensors free. glibc only, for as long as the process lives.

    It changes no number.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        # the second without the first would make it worse: glibc no longer learns which sizes come again
        if mallopt is not None and any(
            mallopt(M_MMAP_THRESHOLD, size) for size in (LARGE, LARGE_BEFORE_2_35)
        ):
            mallopt(M_TRIM_THRESHOLD, LARGE)
