"""What jlml asks of the machine."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from jlml.speed.memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(2**24)  # 64 MB, which glibc asks the system for at each time anew
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
if {keep}:
    keep_freed_memory()
faults()
print(faults())
"""


library, version = platform.libc_ver()


@pytest.mark.robustness
@pytest.mark.skipif(
    library != "glibc" or tuple(map(int, version.split("."))) < (2, 35),
    reason="older glibc keeps no more than 32 MB, and other C libraries have habits of their own",
)
def test_memory_that_tensors_free_is_kept_for_the_next_ones():
    given_back, kept = (
        int(subprocess.check_output([sys.executable, "-c", FAULTS.format(keep=keep)]))
        for keep in (False, True)
    )
    assert kept < 100 < given_back
