"""Adapts a config to the hardware of this machine."""

import logging

import torch

from jlml.config import Config
from jlml.errors import UserError, first_line

log = logging.getLogger(__name__)


def check_device(config: Config) -> None:
    """Raises a UserError if the config needs a GPU, and there is none or the config does not use it."""
    if config["trainer"].get("accelerator") in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UserError("trainer.accelerator=gpu needs a CUDA GPU, and none was found. Use trainer=default.")
    if config["speed"]["cuda_graphs"] and not on_gpu(config["trainer"]):
        raise UserError("speed.cuda_graphs=true needs a GPU. Use trainer=gpu.")


def within_hardware(config: Config) -> Config:
    """The config with float32 if the hardware has no bf16, and without compilation if it does not work.

    Each change gives a warning, and is part of the recorded config.
    """
    trainer, speed = dict(config["trainer"]), dict(config["speed"])
    if trainer.get("precision") == "bf16-mixed" and not has_bf16(trainer):
        log.warning("This processor has no bf16 arithmetic: training in float32 (trainer.precision=32-true).")
        trainer["precision"] = "32-true"
    if speed["compile"]:
        reason = why_nothing_compiles(trainer)
        if reason is not None:
            log.warning("torch.compile does not work here (%s): training without it.", reason)
            speed["compile"] = False
    return {**config, "trainer": trainer, "speed": speed}


def on_gpu(trainer: Config) -> bool:
    """Whether a trainer with these options trains on a GPU."""
    return trainer.get("accelerator") in ("gpu", "cuda", "auto") and torch.cuda.is_available()


def has_bf16(trainer: Config) -> bool:
    """Whether the device has bf16 arithmetic. Emulated bf16 would be slower than float32."""
    if on_gpu(trainer):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def why_nothing_compiles(trainer: Config) -> str | None:
    """Why `torch.compile` fails, for example without a C++ compiler; None if a small test succeeds."""
    device = "cuda" if on_gpu(trainer) else "cpu"
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses CUDA on a CPU
    try:
        torch.compile(torch.sin)(torch.zeros(8, device=device))
    except Exception as error:  # from the compiler, the linker or torch
        return first_line(error)
    return None
