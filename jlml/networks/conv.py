"""Convolutional networks that halve the image at every layer, and their mirrors that double it back."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from jlml.errors import UserError

CodeLayout = Literal["dense", "spatial"]


def halved_sizes(size: int, times: int) -> list[int]:
    """Heights (or widths) from the image inwards: a 3x3 convolution of stride 2 and padding 1 rounds up."""
    sizes = [size]
    for _ in range(times):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def map_size(image_shape: tuple[int, int, int], depth: int) -> tuple[int, int]:
    """(height, width) of the innermost map, after ``depth`` convolutions."""
    height, width = (halved_sizes(size, depth)[-1] for size in image_shape[1:])
    return height, width


def spatial_maps(latent_dim: int, image_shape: tuple[int, int, int], depth: int) -> int:
    """How many maps a spatial code of ``latent_dim`` numbers fills.

    Raises:
        UserError: the maps' positions do not divide the latent dim.
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


class ConvEncoder(nn.Sequential):
    """3x3 convolutions of stride 2, batch norm and ReLU after all but the last; the last maps are the code.

    Args:
        image_shape: (channels, height, width) of an image.
        channels: channels after each convolution but the last.
        outputs: how many numbers to give for an image.
        code: `spatial` gives the flattened last maps, ``outputs`` in all; `dense` puts a linear layer
            behind ``dense_channels`` maps.
        dense_channels: the last convolution's channels where the code is dense.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int],
        outputs: int,
        code: CodeLayout = "dense",
        dense_channels: int = 16,
    ) -> None:
        depth = len(channels) + 1
        maps = spatial_maps(outputs, image_shape, depth) if code == "spatial" else dense_channels
        layers: list[nn.Module] = []
        inputs = image_shape[0]
        for width in channels:
            # batch norm subtracts the mean, so a bias before it would do nothing
            convolution = nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        layers += [nn.Conv2d(inputs, maps, 3, stride=2, padding=1), nn.Flatten()]
        if code == "dense":
            height, width = map_size(image_shape, depth)
            layers.append(nn.Linear(maps * height * width, outputs))
        super().__init__(*layers)


class ConvDecoder(nn.Sequential):
    """The mirror image of `ConvEncoder`: takes the same sizes and runs through them backwards."""

    def __init__(
        self,
        latent_dim: int,
        channels: Sequence[int],
        image_shape: tuple[int, int, int],
        code: CodeLayout = "dense",
        dense_channels: int = 16,
    ) -> None:
        depth = len(channels) + 1
        maps = spatial_maps(latent_dim, image_shape, depth) if code == "spatial" else dense_channels
        height, width = map_size(image_shape, depth)
        layers: list[nn.Module] = []
        if code == "dense":
            layers.append(nn.Linear(latent_dim, maps * height * width))
        layers.append(nn.Unflatten(1, (maps, height, width)))
        heights, widths = (halved_sizes(size, depth) for size in image_shape[1:])
        inputs = maps
        for level in reversed(range(depth)):
            last = level == 0
            outputs = image_shape[0] if last else channels[level - 1]
            # the layer gives twice a size less one: an even size gets its last row and column back
            padding = (heights[level] - 2 * heights[level + 1] + 1, widths[level] - 2 * widths[level + 1] + 1)
            layers.append(
                nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=padding, bias=last)
            )
            if not last:
                layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        super().__init__(*layers)
