"""Fully connected networks of any depth and width, with ReLU between the layers."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from jaxtyping import Float
from torch import Tensor, nn


def mlp(widths: Sequence[int]) -> list[nn.Module]:
    """Linear layers between consecutive widths, with ReLU between layers. Two widths give one linear map."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


class MLPEncoder(nn.Sequential):
    """Flattens an image and maps it to ``outputs`` numbers through layers of ``hidden`` widths."""

    def __init__(self, image_shape: tuple[int, int, int], hidden: Sequence[int], outputs: int) -> None:
        super().__init__(nn.Flatten(), *mlp([prod(image_shape), *hidden, outputs]))


class MLPDecoder(nn.Sequential):
    """The mirror image of `MLPEncoder`: takes the same ``hidden`` widths and uses them in reverse."""

    def __init__(self, latent_dim: int, hidden: Sequence[int], image_shape: tuple[int, int, int]) -> None:
        super().__init__(
            *mlp([latent_dim, *reversed(hidden), prod(image_shape)]), nn.Unflatten(1, image_shape)
        )

    def forward(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        return super().forward(codes)
