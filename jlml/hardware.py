"""What the machine at hand can do, and how its memory is used."""

import ctypes
import logging
import sys

import torch

from jlml.config import Config
from jlml.errors import UserError, gist

log = logging.getLogger(__name__)

OURS = ("gradient_clip_val", "compile", "capture", "onednn")  # keys of the trainer that jlml heeds, not it
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGE, LARGE_BEFORE_2_35 = 2**30, 2**25  # bytes; older glibc takes no more than 32 MB


def of_lightning(trainer: Config) -> Config:
    """What of the trainer's options Lightning's own takes."""
    return {key: value for key, value in trainer.items() if key not in OURS}


def check_device(config: Config) -> None:
    """Raises a UserError if the trainer wants a GPU that is not there, or is not to be used."""
    if config["trainer"].get("accelerator") in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UserError("trainer.accelerator=gpu needs a CUDA GPU, and none was found. Use trainer=default.")
    if config["trainer"].get("capture") and not on_gpu(config["trainer"]):
        raise UserError("trainer.capture=true records CUDA graphs, which need trainer=gpu.")


def within_means(config: Config) -> Config:
    """The config with float32 for a bf16 that the hardware lacks, and eager steps where nothing compiles.

    Says so in a warning each, and in the config, which is what the run records.
    """
    trainer = dict(config["trainer"])
    if trainer.get("precision") == "bf16-mixed" and not has_bf16(trainer):
        log.warning("This processor has no bf16 arithmetic: training in float32 (trainer.precision=32-true).")
        trainer["precision"] = "32-true"
    if trainer.get("compile"):
        reason = why_nothing_compiles(trainer)
        if reason is not None:
            log.warning("torch.compile does not work here (%s): training goes on uncompiled.", reason)
            trainer["compile"] = False
    return {**config, "trainer": trainer}


def on_gpu(trainer: Config) -> bool:
    """Whether a trainer of these options trains on a GPU."""
    return trainer.get("accelerator") in ("gpu", "cuda", "auto") and torch.cuda.is_available()


def has_bf16(trainer: Config) -> bool:
    """Whether the device multiplies in bf16 itself; emulated, it would be slower than float32."""
    if on_gpu(trainer):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not hasattr(torch.cpu, "get_capabilities"):  # before torch 2.12
        return bool(torch.cpu._is_avx512_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def why_nothing_compiles(trainer: Config) -> str | None:
    """What stands in the way of `torch.compile`, as a missing C++ compiler; None if a small try succeeds."""
    device = "cuda" if on_gpu(trainer) else "cpu"
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses CUDA on a CPU
    try:
        torch.compile(torch.sin)(torch.zeros(8, device=device))
    except Exception as error:  # the compiler's, the linker's, or one of several of torch's own
        return gist(error)
    return None


def keep_freed_memory() -> None:
    """Has the C library keep the memory that tensors free, for the next ones; glibc only.

    By default glibc gives what a step has freed back to the system, as soon as it is some megabytes, and the
    next step gets it anew, page by page and zeroed: a tenth of the time of a small net with large batches.
    It holds for the whole process, for as long as that lives, and changes no number.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        # the second without the first would make it worse: glibc no longer learns which sizes come again
        if mallopt is not None and any(
            mallopt(M_MMAP_THRESHOLD, size) for size in (LARGE, LARGE_BEFORE_2_35)
        ):
            mallopt(M_TRIM_THRESHOLD, LARGE)
