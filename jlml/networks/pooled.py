"""A deeper convolutional encoder that halves the image by max pooling, and a decoder that doubles it.

Two 3x3 convolutions per level and a maximum over 2x2 pixels, as in VGG: Simonyan & Zisserman 2015.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from jlml.networks.conv import halved_sizes, map_size
from jlml.networks.layers import Activation, Between, Init, Norm, initialise

PER_LEVEL = 2  # convolutions at each size of the maps


class PooledEncoder(nn.Sequential):
    """Levels of two 3x3 convolutions and a max pooling, then one linear map to the outputs.

    Args:
        image_shape: (channels, height, width) of an image.
        channels: channels of the maps at each level.
        outputs: number of outputs per image.
        activation: see `Between`.
        norm: see `Between`.
        dropout: see `Between`.
        init: see `initialise`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int],
        outputs: int,
        activation: Activation = "relu",
        norm: Norm = "maps",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = Between(activation, norm, dropout)
        layers: list[nn.Module] = []
        for before, after in pairwise([image_shape[0], *channels]):
            layers += convolutions([before, *[after] * PER_LEVEL], between)
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        features = channels[-1] * prod(map_size(image_shape, len(channels)))
        super().__init__(*layers, nn.Flatten(), nn.Linear(features, outputs))
        initialise(self, init)


class PooledDecoder(nn.Sequential):
    """The mirror image of `PooledEncoder`: repeats pixels where the encoder takes their maximum."""

    def __init__(
        self,
        latent_dim: int,
        channels: Sequence[int],
        image_shape: tuple[int, int, int],
        activation: Activation = "relu",
        norm: Norm = "maps",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = Between(activation, norm, dropout)
        heights, widths = (halved_sizes(size, len(channels)) for size in image_shape[1:])
        maps = (channels[-1], heights[-1], widths[-1])
        layers: list[nn.Module] = [nn.Linear(latent_dim, prod(maps)), nn.Unflatten(1, maps)]
        layers += between.maps(maps[0])
        for level in reversed(range(len(channels))):
            layers.append(nn.Upsample((heights[level], widths[level])))
            after = channels[level - 1] if level else channels[0]
            layers += convolutions([channels[level], *[after] * PER_LEVEL], between)
        super().__init__(*layers, nn.Conv2d(channels[0], image_shape[0], 3, padding=1))
        initialise(self, init)


def convolutions(channels: Sequence[int], between: Between) -> list[nn.Module]:
    """3x3 convolutions that keep the size of the maps, between consecutive numbers of channels."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers.append(nn.Conv2d(before, after, 3, padding=1, bias=between.bias_of_maps))
        layers += between.maps(after)
    return layers
