"""Flushes denormal numbers to zero, because Intel's processors are many times slower with them.

From the second epoch on, many of Adam's first moments are denormal. On two cores of a Xeon with AMX, an
8-epoch run of the VAE takes 24 s instead of 35 s; on AMD's processors the difference is about 1 %. The
weights are equal, bit for bit (tests/speed/test_denormals.py): a moment below 1e-38 does not change a weight.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals(enabled: bool = True) -> Iterator[None]:
    """If enabled, this thread and the threads that it starts set denormal results and operands to zero.

    torch's worker threads keep the setting with which they started. So use this before torch computes
    anything: existing workers do not change.
    """
    before = are_flushed()
    torch.set_flush_denormal(before or enabled)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def are_flushed() -> bool:
    """Whether this thread sets denormal results to zero."""
    return float(torch.tensor(torch.finfo(torch.float32).tiny).mul(0.5)) == 0
