"""Conversion of stored bytes to float pixels: scaled, dequantized or binarized; and resizing."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from torch import Generator, Tensor

Bytes = UInt8[Tensor, "batch channel height width"]
Pixels = Float32[Tensor, "batch channel height width"]

CHUNK = 1 << 23  # pixels that are floats at the same time


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
    """Makes images squares of ``size`` pixels per side. Scaling is bilinear with antialiasing, in bytes.

    Args:
        images: images of any height and width.
        size: pixels per side.
        fit: `pad` adds zeros around the centred image, after shrinking one that is too large; `crop` scales
            the shorter side and cuts the longer one off at both ends; `resize` scales both sides.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images
    if fit == "resize":
        return scaled(images, size, size)
    if fit == "crop":
        scale = size / min(height, width)
        images = scaled(images, max(size, round(height * scale)), max(size, round(width * scale)))
        top, left = ((length - size) // 2 for length in images.shape[-2:])
        return images[..., top : top + size, left : left + size]
    scale = min(1.0, size / max(height, width))
    images = scaled(images, max(1, round(height * scale)), max(1, round(width * scale)))
    height, width = images.shape[-2:]
    left, top = (size - width) // 2, (size - height) // 2
    return F.pad(images, (left, size - width - left, top, size - height - top))


def scaled(images: Bytes, height: int, width: int) -> UInt8[Tensor, "batch channel {height} {width}"]:
    """Images of another height and width."""
    if images.shape[-2:] == (height, width):
        return images

    def resized(some: Tensor) -> Tensor:
        pixels = F.interpolate(some.float(), (height, width), mode="bilinear", antialias=True)
        return pixels.round().clamp(0, 255).to(torch.uint8)

    chunk = max(1, CHUNK // images[0].numel())
    return torch.cat([resized(some) for some in images.split(chunk)])
