"""Silences what Lightning tells everyone, and leaves its warnings for those whom they concern."""

import logging
import os
import warnings

from lightning.pytorch.utilities import rank_zero_only

IGNORED = (
    "GPU available but not used",
    "The number of training batches .* is smaller than the logging",
    "It is recommended to use `self.log",  # of several processes; all of them have the same number
    "Checkpoint directory .* exists and is not empty",
)


def quieten() -> None:
    """Silences Lightning's greetings, and stops it from asking for a GPU at every step."""
    # set by lightning on import; without a GPU each optimizer step then asks the driver again
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if getattr(rank_zero_only, "rank", 0) > 0:
        logging.getLogger("jlml").setLevel(logging.ERROR)  # of several processes, the first one warns
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    for message in IGNORED:
        warnings.filterwarnings("ignore", message=message)
