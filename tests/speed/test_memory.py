"""Memory that jlml keeps instead of returning it to the system."""

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
        torch.ones(2**24)  # 64 MB: by default glibc requests it from the system every time
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
    reason="older glibc keeps at most 32 MB, and other C libraries behave differently",
)
def test_memory_of_freed_tensors_is_kept_and_reused():
    returned, kept = (
        int(subprocess.check_output([sys.executable, "-c", FAULTS.format(keep=keep)]))
        for keep in (False, True)
    )
    assert kept < 100 < returned
