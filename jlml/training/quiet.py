"""Silences Lightning's messages that do not concern the user."""

import logging
import os
import warnings

from lightning.pytorch.utilities import rank_zero_only

IGNORED = (
    "GPU available but not used",
    "The number of training batches .* is smaller than the logging",
    "It is recommended to use `self.log",  # about sync_dist: here all processes log the same number
    "Checkpoint directory .* exists and is not empty",
    "TensorFloat32 tensor cores .* available but not enabled",  # from torch.compile
)


def silence_lightning() -> None:
    """Silences Lightning's start-up messages, and avoids a slow check for a GPU at every step."""
    # Lightning sets this on import; without a GPU, each optimizer step then queries the driver
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if getattr(rank_zero_only, "rank", 0) > 0:
        logging.getLogger("jlml").setLevel(logging.ERROR)  # only rank zero warns
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    for message in IGNORED:
        warnings.filterwarnings("ignore", message=message)
