"""Fully connected networks of any depth and width."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from jaxtyping import Float
from torch import Tensor, nn

from jlml.errors import UserError
from jlml.networks.layers import Activation, Between, Init, Norm, initialise


def mlp(widths: Sequence[int], between: Between) -> list[nn.Module]:
    """Linear layers between consecutive widths, with other layers between them. Two widths give one map."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, outputs, bias=between.bias_of_vectors), *between.vectors(outputs)]
    return [*layers, nn.Linear(widths[-2], widths[-1])]


def dense(between: Between) -> Between:
    """What stands between the layers of a network without convolutions.

    Raises:
        UserError: it is for convolutions only.
    """
    if between.norm == "maps":
        raise UserError(
            "model.norm=maps is batch norm after convolutions, and this network has none. Use "
            "model.norm=batch or model.norm=none."
        )
    return between


class MLPEncoder(nn.Sequential):
    """Flattens an image and maps it to ``outputs`` numbers through layers of ``hidden`` widths.

    Args:
        image_shape: (channels, height, width) of an image.
        hidden: widths of the layers between image and outputs.
        outputs: number of outputs per image.
        activation: see `Between`.
        norm: see `Between`.
        dropout: see `Between`.
        init: see `initialise`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        hidden: Sequence[int],
        outputs: int,
        activation: Activation = "relu",
        norm: Norm = "none",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = dense(Between(activation, norm, dropout))
        super().__init__(nn.Flatten(), *mlp([prod(image_shape), *hidden, outputs], between))
        initialise(self, init)


class MLPDecoder(nn.Sequential):
    """The mirror image of `MLPEncoder`: takes the same options and uses the widths in reverse."""

    def __init__(
        self,
        latent_dim: int,
        hidden: Sequence[int],
        image_shape: tuple[int, int, int],
        activation: Activation = "relu",
        norm: Norm = "none",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = dense(Between(activation, norm, dropout))
        layers = mlp([latent_dim, *reversed(hidden), prod(image_shape)], between)
        super().__init__(*layers, nn.Unflatten(1, image_shape))
        initialise(self, init)

    def forward(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        return super().forward(codes)
