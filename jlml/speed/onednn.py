"""Uses oneDNN instead of MKL for float32 products of large linear layers, on AMD's Zen 5 and later.

torch uses MKL for float32 products, which runs its AVX2 code on AMD's processors. oneDNN uses their 512-bit
instructions: 460 instead of 210 GFLOP/s, and x1.46 for an epoch of the VAE (EPYC of family 26, torch 2.15).
It adds in another order, so the last digits differ from MKL's. On other processors it is not faster.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

log = logging.getLogger(__name__)

ZEN_5 = 26  # AMD's number for the family of its first processors with 512-bit arithmetic
LARGE = 2**21  # multiplications per product: for smaller ones the overhead is larger than the gain
FLOAT32_ERROR = 1e-5  # error of a product, relative to its spread: MKL 2.5e-7, oneDNN 4e-7, bf16 3e-3
MATMUL = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # mypy does not see what torch sets


class OneDNNLinear(nn.Linear):
    """A linear layer that uses oneDNN for its products, forward and backward."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
        return linear(input, self.weight, self.bias) if input.ndim == 2 else super().forward(input)


@torch.library.custom_op("jlml::linear", mutates_args=())
def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` by oneDNN. An operator, so that `torch.compile` can call it."""
    with by_onednn():
        return F.linear(inputs, weight, bias)


@torch.library.custom_op("jlml::linear_backward", mutates_args=())
def linear_backward(gradient: Tensor, inputs: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of `linear` in inputs, weight and bias."""
    with by_onednn():
        return gradient @ weight, gradient.T @ inputs, gradient.sum(0)


@linear.register_fake
def _(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.linear(inputs, weight, bias)


@linear_backward.register_fake
def _(gradient: Tensor, inputs: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(inputs), torch.empty_like(weight), gradient.new_empty(gradient.shape[1])


def _keep(
    ctx: torch.autograd.function.FunctionCtx, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor
) -> None:
    ctx.save_for_backward(inputs[0], inputs[1])
    ctx.has_bias = inputs[2] is not None  # type: ignore[attr-defined]


def _backward(
    ctx: torch.autograd.function.FunctionCtx, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    to_inputs, to_weight, to_bias = linear_backward(gradient.contiguous(), *ctx.saved_tensors)  # type: ignore[attr-defined]
    return to_inputs, to_weight, to_bias if ctx.has_bias else None  # type: ignore[attr-defined]


linear.register_autograd(_backward, setup_context=_keep)


@contextmanager
def by_onednn() -> Iterator[None]:
    """Makes torch use oneDNN for float32 products, in all threads.

    The setting allows oneDNN to round to bf16. `keeps_float32` tests whether a processor does so.
    Source: torch's manual, `torch.backends.mkldnn.matmul.fp32_precision`.
    """
    before = MATMUL.fp32_precision
    MATMUL.fp32_precision = "bf16"
    try:
        yield
    finally:
        MATMUL.fp32_precision = before


@contextmanager
def onednn_layers(model: nn.Module, batch_size: int) -> Iterator[None]:
    """Uses oneDNN for the large linear layers of a model, if that is faster on this processor.

    Args:
        model: model that is trained in float32 on the CPU. Only plain `nn.Linear` layers are replaced.
        batch_size: images per batch.
    """
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if type(layer) is nn.Linear and is_better(batch_size, layer.in_features, layer.out_features)
    }
    for name, layer in layers.items():
        swapped = OneDNNLinear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        swapped.weight, swapped.bias = layer.weight, layer.bias
        model.set_submodule(name, swapped)
    if layers:
        log.info("These linear layers use oneDNN: %s.", ", ".join(layers))
    try:
        yield
    finally:
        for name, layer in layers.items():
            model.set_submodule(name, layer)


def is_better(batch_size: int, inputs: int, outputs: int) -> bool:
    """Whether oneDNN is faster than MKL for a layer of this shape, with the accuracy of float32."""
    if batch_size * inputs * outputs < LARGE or family_of_amd() < ZEN_5:
        return False
    has_both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    return has_both and keeps_float32(batch_size, inputs, outputs)


@cache
def keeps_float32(batch_size: int, inputs: int, outputs: int) -> bool:
    """Whether oneDNN's products, forward and backward, have the accuracy of float32 for this shape.

    Some processors round to bf16 only for some shapes.
    """
    generator = torch.Generator().manual_seed(0)
    images, weight, gradient = (
        torch.randn(shape, generator=generator)
        for shape in ((batch_size, inputs), (outputs, inputs), (batch_size, outputs))
    )
    for a, b in ((images, weight.T), (gradient, weight), (gradient.T, images)):
        with by_onednn():
            product = a @ b
        exact = a.double() @ b.double()
        if float((product - exact).square().mean().sqrt() / exact.std()) > FLOAT32_ERROR:
            return False
    return True


def family_of_amd(processors: Path = Path("/proc/cpuinfo")) -> int:
    """The CPU family of an AMD processor, as Linux reports it; 0 for other processors."""
    try:
        text = processors.read_text()
    except OSError:
        return 0
    found = dict(re.findall(r"^(vendor_id|cpu family)\s*: (\w+)$", text, re.MULTILINE))
    return int(found.get("cpu family", 0)) if found.get("vendor_id") == "AuthenticAMD" else 0
