"""A convolutional encoder that halves the image at every layer, and a decoder that doubles it."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from torch import nn

from jlml.errors import UserError
from jlml.networks.layers import Activation, Between, Init, Norm, initialise
from jlml.networks.mlp import mlp

CodeLayout = Literal["dense", "spatial"]


def halved_sizes(size: int, times: int) -> list[int]:
    """Heights or widths after each layer: with stride 2 and padding 1, a 3x3 kernel gives ceil(size / 2)."""
    sizes = [size]
    for _ in range(times):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def map_size(image_shape: tuple[int, int, int], depth: int) -> tuple[int, int]:
    """(height, width) of the last feature map, after ``depth`` convolutions."""
    height, width = (halved_sizes(size, depth)[-1] for size in image_shape[1:])
    return height, width


def spatial_maps(latent_dim: int, image_shape: tuple[int, int, int], depth: int) -> int:
    """Number of feature maps that a spatial code of ``latent_dim`` numbers fills.

    Raises:
        UserError: the latent dim is not a multiple of the positions in a map.
    """
    height, width = map_size(image_shape, depth)
    positions = height * width
    if latent_dim % positions:
        nearest = max(1, round(latent_dim / positions)) * positions
        raise UserError(
            f"latent.dim={latent_dim} does not fit a spatial code: {height} x {width} positions need a "
            f"multiple of {positions}. Use latent.dim={nearest}, or model.code=dense."
        )
    return latent_dim // positions


def all_channels(
    image_shape: tuple[int, int, int],
    channels: Sequence[int],
    outputs: int,
    code: CodeLayout,
    dense_channels: int | None,
    hidden: Sequence[int],
) -> list[int]:
    """Channels of the image and of the maps after each convolution, of which the last may have no activation.

    For example, with a spatial code of 64 numbers, images of 28 x 28 and channels (8, 16), a third
    convolution gives maps of 4 x 4 (28, 14, 7, 4), so they have 4 channels: [1, 8, 16, 4].

    Raises:
        UserError: a spatial code does not fit the maps, or there are hidden layers.
    """
    those = [image_shape[0], *channels]
    if code == "dense":
        return those if dense_channels is None else [*those, dense_channels]
    if hidden:
        raise UserError(
            "model.code=spatial takes the last feature maps as the code, so it has no hidden layers. Use "
            "model.hidden=[], or model.code=dense."
        )
    return [*those, spatial_maps(outputs, image_shape, len(channels) + 1)]


class ConvEncoder(nn.Sequential):
    """3x3 convolutions of stride 2, then fully connected layers.

    Args:
        image_shape: (channels, height, width) of an image.
        channels: output channels of each convolution that an activation follows.
        outputs: number of outputs per image.
        code: `dense` maps features to outputs by fully connected layers; `spatial` returns the flattened maps
            of one more convolution, ``outputs`` in total.
        dense_channels: output channels of one more convolution before a dense code, without an activation;
            None for no such convolution.
        hidden: widths of the fully connected layers between features and outputs.
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
        code: CodeLayout = "dense",
        dense_channels: int | None = 16,
        hidden: Sequence[int] = (),
        activation: Activation = "relu",
        norm: Norm = "batch",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = Between(activation, norm, dropout)
        sizes = all_channels(image_shape, channels, outputs, code, dense_channels, hidden)
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(pairwise(sizes), start=1):
            active = level <= len(channels)
            layers.append(
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=between.bias_of_maps or not active)
            )
            layers += between.maps(after) if active else []
        layers.append(nn.Flatten())
        if code == "dense":
            features = sizes[-1] * prod(map_size(image_shape, len(sizes) - 1))
            layers += mlp([features, *hidden, outputs], between)
        super().__init__(*layers)
        initialise(self, init)


class ConvDecoder(nn.Sequential):
    """The mirror image of `ConvEncoder`: takes the same options and uses the sizes in reverse."""

    def __init__(
        self,
        latent_dim: int,
        channels: Sequence[int],
        image_shape: tuple[int, int, int],
        code: CodeLayout = "dense",
        dense_channels: int | None = 16,
        hidden: Sequence[int] = (),
        activation: Activation = "relu",
        norm: Norm = "batch",
        dropout: float = 0.0,
        init: Init = "torch",
    ) -> None:
        between = Between(activation, norm, dropout)
        sizes = all_channels(image_shape, channels, latent_dim, code, dense_channels, hidden)
        depth = len(sizes) - 1
        maps = (sizes[-1], *map_size(image_shape, depth))
        layers: list[nn.Module] = []
        if code == "dense":
            layers += mlp([latent_dim, *reversed(hidden), prod(maps)], between)
        layers.append(nn.Unflatten(1, maps))
        if 0 < depth == len(channels):  # in the encoder, an activation follows the last maps
            layers += between.maps(sizes[-1])
        heights, widths = (halved_sizes(size, depth) for size in image_shape[1:])
        for level in reversed(range(depth)):
            active = level > 0
            # without output padding the layer returns 2 size - 1 rows: one too few for an even target
            padding = (heights[level] - 2 * heights[level + 1] + 1, widths[level] - 2 * widths[level + 1] + 1)
            before, after = sizes[level + 1], sizes[level]
            bias = between.bias_of_maps or not active
            layers.append(
                nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=padding, bias=bias)
            )
            layers += between.maps(after) if active else []
        super().__init__(*layers)
        initialise(self, init)
