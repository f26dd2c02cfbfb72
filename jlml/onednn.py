"""Which library multiplies float32 matrices on a CPU: oneDNN instead of MKL, where it is faster."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jlml.config import Config
from jlml.hardware import on_gpu

log = logging.getLogger(__name__)

ZEN_5 = 26  # AMD's number for the family of its first processors that take 512 bits at once
PRODUCTS = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # mypy does not see what it sets
LARGE = 2**21  # multiplications: in so many oneDNN gains what its calls take longer than MKL's


@contextmanager
def fast_products(model: nn.Module, config: Config) -> Iterator[None]:
    """Inside, oneDNN multiplies for the large linear layers of a model, if that is faster on this machine.

    torch takes float32 products from MKL. On an AMD processor MKL runs what it has for AVX2, whatever the
    processor can: one that takes 512 bits at once multiplies half as fast as it might. oneDNN asks what a
    processor can, and not who made it. It keeps all digits of float32 and adds up in another order: the last
    digits of long sums differ, and are off by 4e-7 of their spread where MKL's are by 2.5e-7.

    Args:
        model: whose layers they are; those with a `forward` of their own are left alone.
        config: of the run, which may not want it (`trainer.onednn`), and says how large its batches are.
    """
    layers = large_layers(model, config["data"]["batch_size"]) if is_wanted(config["trainer"]) else []
    for layer in layers:
        layer.forward = partial(multiplied_by_onednn, layer)  # type: ignore[method-assign]
    if layers:
        log.info("oneDNN multiplies for %d linear layers: faster than MKL on this processor.", len(layers))
    try:
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)


def is_wanted(trainer: Config) -> bool:
    """Whether training by these options multiplies in float32 on a processor where oneDNN is faster."""
    wanted = trainer.get("onednn", False)  # runs older than this key go on with MKL
    in_float32 = trainer.get("precision", "32-true") == "32-true"
    return wanted and in_float32 and not on_gpu(trainer) and is_faster_here()


def large_layers(model: nn.Module, batch_size: int) -> list[nn.Linear]:
    """The plain linear layers whose products take longer than the calls around them."""
    return [
        layer
        for layer in model.modules()
        if type(layer) is nn.Linear
        and "forward" not in vars(layer)
        and batch_size * layer.weight.numel() >= LARGE
    ]


def multiplied_by_onednn(layer: nn.Linear, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
    """What the layer makes of its inputs."""
    is_plain = input.ndim == 2 and input.is_cpu and not torch.is_autocast_enabled("cpu")
    in_transform = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    if in_transform or not is_plain:
        return F.linear(input, layer.weight, layer.bias)
    return _Linear.apply(input, layer.weight, layer.bias)


class _Linear(torch.autograd.Function):
    """`F.linear`, and the products of its derivatives, by oneDNN."""

    # without a setup_context, which torch.func would need: it costs a fifth of what is won
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.save_for_forward(inputs, weight)
        with by_onednn():
            return F.linear(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        to_inputs, to_weight, to_bias = ctx.needs_input_grad
        with by_onednn():
            return (
                gradient @ weight if to_inputs else None,
                gradient.T @ inputs if to_weight else None,
                gradient.sum(0) if to_bias else None,
            )

    @staticmethod
    def jvp(ctx: Any, inputs: Tensor | None, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        of_inputs, of_weight = ctx.saved_tensors
        with by_onednn():
            moved = [] if inputs is None else [inputs @ of_weight.T]
            moved += [] if weight is None else [of_inputs @ weight.T]
            moved += [] if bias is None else [bias.expand(len(of_inputs), -1)]
        return torch.stack(moved).sum(0)


class by_onednn:  # noqa: N801 - read as a word after `with`
    """Inside, torch leaves its products to oneDNN, in all threads.

    It does so only if they may be rounded to bf16 on the way. On AMD's processors oneDNN makes no use of
    that, as `keeps_float32` finds out.
    Source: torch's manual, `torch.backends.mkldnn.matmul.fp32_precision`.
    """

    def __enter__(self) -> None:
        self.before = PRODUCTS.fp32_precision
        PRODUCTS.fp32_precision = "bf16"

    def __exit__(self, *error: object) -> None:
        PRODUCTS.fp32_precision = self.before


@cache
def is_faster_here() -> bool:
    """Whether oneDNN multiplies faster on this processor than MKL, and loses no digit of float32."""
    if not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()):
        return False
    return family_of_amd() >= ZEN_5 and keeps_float32()


def family_of_amd(processors: Path = Path("/proc/cpuinfo")) -> int:
    """AMD's number for the family of this processor, as Linux tells it; 0 if it is not known to be AMD's."""
    try:
        text = processors.read_text()
    except OSError:
        return 0
    said = dict(re.findall(r"^(vendor_id|cpu family)\s*: (\w+)$", text, re.MULTILINE))
    return int(said.get("cpu family", 0)) if said.get("vendor_id") == "AuthenticAMD" else 0


def keeps_float32() -> bool:
    """Whether oneDNN keeps all digits of what it multiplies: of 1 + 2^-20 bf16 would leave 1."""
    numbers = torch.full((256, 256), 1 + 2**-20)
    with by_onednn():
        return bool((numbers @ torch.eye(256) == numbers).all())
