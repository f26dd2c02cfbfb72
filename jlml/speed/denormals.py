"""Denormal numbers become zero: from the second epoch on, many of Adam's first moments are denormal.

Intel's processors take many times as long for an operation on them. On two cores of a Xeon with AMX, an
8-epoch run of the VAE takes 24 s instead of 35 s; on AMD's processors the difference is about 1 %. The
weights are equal, bit for bit (tests/speed/test_denormals.py): a moment below 1e-38 moves no weight.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals(enabled: bool = True) -> Iterator[None]:
    """Inside, if enabled, this thread and those that it starts set denormal results and operands to zero.

    The worker threads of torch keep the setting that they were started with. So this works best where a
    process begins. If torch has computed before, its workers go on as they were.
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
