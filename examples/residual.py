"""Fully connected networks with residual blocks: every block adds something to its input.

    python train.py model=ae model.hidden=[256,256,256] model.norm=null \
        model.encoder._target_=examples.residual.ResidualEncoder \
        model.decoder._target_=examples.residual.ResidualDecoder

A network is any `nn.Module` with these arguments. The explorer's page cannot compute a sum of two branches:
it shows the codes and says which layer it does not know. Source: He et al. 2016, "Deep residual learning for
image recognition".
"""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn


class Block(nn.Module):
    """x + f(x), with two linear layers in f."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, values: Tensor) -> Tensor:
        return values + self.body(values)


def residual(inputs: int, hidden: Sequence[int], outputs: int) -> list[nn.Module]:
    """A block for every width after the first; all have the first width."""
    width = hidden[0]
    blocks = [Block(width) for _ in hidden[1:]]
    return [nn.Linear(inputs, width), nn.SiLU(), *blocks, nn.Linear(width, outputs)]


class ResidualEncoder(nn.Sequential):
    """Images to ``outputs`` numbers: the code, or mean and log variance of a VAE."""

    def __init__(self, image_shape: tuple[int, int, int], hidden: Sequence[int], outputs: int) -> None:
        super().__init__(nn.Flatten(), *residual(prod(image_shape), hidden, outputs))


class ResidualDecoder(nn.Sequential):
    """Codes to logits of images."""

    def __init__(self, latent_dim: int, hidden: Sequence[int], image_shape: tuple[int, int, int]) -> None:
        layers = residual(latent_dim, hidden, prod(image_shape))
        super().__init__(*layers, nn.Unflatten(1, image_shape))
