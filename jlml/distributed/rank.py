"""Whether this process is the first one of a run, before torch is imported."""

import os

# set by Lightning, torchrun and Slurm for the processes that they start
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


def is_first_process() -> bool:
    """Whether this process has rank zero, or is the only one."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)
