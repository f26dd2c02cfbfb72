"""Conversion of stored bytes to float pixels: scaled, dequantized or binarized; and resizing."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from torch import Generator, Tensor

from jlml.errors import UserError

Bytes = UInt8[Tensor, "batch channel height width"]
Pixels = Float32[Tensor, "batch channel height width"]


def grey(images: Bytes, generator: Generator) -> Pixels:
    """x / 255, in [0, 1]. Uses no random numbers."""
    return images.div(255)


def dequantized(images: Bytes, generator: Generator) -> Pixels:
    """(x + U[0, 1)) / 256: continuous pixels in [0, 1), for models with a density."""
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    return noise.add_(images).div_(256)


def binarized(images: Bytes, generator: Generator) -> Pixels:
    """Bernoulli draws with probability x / 255: every pixel is 0 or 1."""
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    return noise.mul_(255).lt(images).float()


TREATMENTS: dict[str, Callable[[Bytes, Generator], Pixels]] = {
    "grey": grey,
    "dequantized": dequantized,
    "binarized": binarized,
}


def fit_to(images: Bytes, size: int, fit: str) -> UInt8[Tensor, "batch channel size size"]:
    """Pads or resizes images to squares of ``size`` pixels per side.

    Padding adds zeros around the centred image. Resizing is bilinear with antialiasing, rounded to bytes.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images
    if fit == "resize":
        chunks = [_resize(chunk, size) for chunk in images.split(10_000)]  # limits the float copy's memory
        return torch.cat(chunks)
    if size < max(height, width):
        raise UserError(
            f"data.image_size={size} is smaller than the images ({height} x {width}), so they cannot be "
            f"padded. Use data.fit=resize, or a size of at least {max(height, width)}."
        )
    left, top = (size - width) // 2, (size - height) // 2
    return F.pad(images, (left, size - width - left, top, size - height - top))


def _resize(images: Bytes, size: int) -> UInt8[Tensor, "batch channel size size"]:
    resized = F.interpolate(images.float(), (size, size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)
