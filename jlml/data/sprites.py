"""Generated shapes whose factors of variation are known, to measure disentanglement."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from jlml.data.datamodule import ImageDataModule
from jlml.data.source import Source
from jlml.errors import UserError

SHAPES = ("square", "ellipse", "triangle")
FACTORS = ("shape", "size", "angle", "x", "y")
SIZE = 32  # pixels per side if none are chosen
SMALLEST, LARGEST = 0.14, 0.24  # half a side, in image widths
MOST_TURNED = torch.pi / 4  # a square looks the same after twice this angle
MARGIN = 0.36  # of the centre from the border, so that no shape is cut off
VERSION = 1  # changes with the images
CHUNK = 1000  # images drawn at once


class SpritesDataModule(ImageDataModule):
    """White shapes on black with five independent factors: shape, size, angle, x and y.

    A small offline relative of dSprites (Matthey et al. 2017). Every factor is drawn from a uniform
    distribution: three shapes, half sides of .14 to .24 image widths, angles of 0 to 45 degrees, and centres
    of .36 to .64 image widths. The images are the same for every seed of a run. The label is the shape.

    Args:
        images: number of images.
        options: see `ImageDataModule`. `image_size` is the size at which shapes are drawn; the default is 32.
    """

    def __init__(self, images: int = 6000, **options: Any) -> None:
        super().__init__(**options)
        if images < 3:
            raise UserError(f"data.images={images} is too few for a training, a validation and a test set.")
        self.images = images

    def read(self) -> Source:
        size = self.image_size or SIZE
        factors = draw_factors(self.images)
        images = torch.cat([drawn(some, size) for some in factors.split(CHUNK)])
        fingerprint = f"sprites-{VERSION}-{self.images}-{size}"
        name = self.name or "sprites"
        return Source(
            name, images, factors[:, 0].long(), SHAPES, fingerprint, factors=factors, factor_names=FACTORS
        )


def draw_factors(count: int) -> Float[Tensor, "images 5"]:
    """Shape, half side, angle in radians, and centre of each image, in image widths."""
    uniform = torch.rand(
        (count, len(FACTORS)), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    shape = (uniform[:, 0] * len(SHAPES)).floor()
    size = SMALLEST + (LARGEST - SMALLEST) * uniform[:, 1]
    angle = MOST_TURNED * uniform[:, 2]
    centre = MARGIN + (1 - 2 * MARGIN) * uniform[:, 3:]
    return torch.stack([shape, size, angle, *centre.T], 1).float()


def drawn(factors: Float[Tensor, "images 5"], size: int) -> Tensor:
    """Images of shapes with smooth edges: the pixels' distances from the edge, clipped to half a pixel."""
    shape, half, angle, x, y = factors.double().T[:, :, None, None]
    grid = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    right, down = grid - x, grid[:, None] - y
    across = right * angle.cos() + down * angle.sin()
    along = down * angle.cos() - right * angle.sin()
    square = torch.maximum(across.abs(), along.abs()) - 0.9 * half
    # the distance from an ellipse has no closed form: to first order, its equation over the slope of it
    wide, high = 1.25 * half, 0.7 * half
    level = ((across / wide) ** 2 + (along / high) ** 2).sqrt()
    slope = ((across / wide**2) ** 2 + (along / high**2) ** 2).sqrt() / level.clamp_min(1e-9)
    ellipse = (level - 1) / slope.clamp_min(1e-9)
    sides = 0.75**0.5 * across.abs() + 0.5 * along  # an equilateral triangle with its tip down
    triangle = torch.maximum(sides, -along) - 0.6 * half
    outside = torch.where(shape == 0, square, torch.where(shape == 1, ellipse, triangle))
    return ((0.5 - outside * size).clamp(0, 1) * 255).round().to(torch.uint8)[:, None]
