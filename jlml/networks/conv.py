"""A convolutional encoder that halves the image at every layer, and a decoder that doubles it."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from jlml.errors import UserError

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


class ConvEncoder(nn.Sequential):
    """3x3 convolutions of stride 2, with batch norm and ReLU after each but the last.

    Args:
        image_shape: (channels, height, width) of an image.
        channels: output channels of each convolution but the last.
        outputs: number of outputs per image.
        code: `spatial` returns the flattened maps of the last convolution, ``outputs`` in total; `dense`
            adds a linear layer after ``dense_channels`` maps.
        dense_channels: output channels of the last convolution if the code is dense.
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
            # batch norm subtracts the mean, so a bias before it would have no effect
            convolution = nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        layers += [nn.Conv2d(inputs, maps, 3, stride=2, padding=1), nn.Flatten()]
        if code == "dense":
            height, width = map_size(image_shape, depth)
            layers.append(nn.Linear(maps * height * width, outputs))
        super().__init__(*layers)


class ConvDecoder(nn.Sequential):
    """The mirror image of `ConvEncoder`: takes the same sizes and uses them in reverse."""

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
            # without output padding the layer returns 2 size - 1 rows: one too few for an even target
            padding = (heights[level] - 2 * heights[level + 1] + 1, widths[level] - 2 * widths[level + 1] + 1)
            layers.append(
                nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=padding, bias=last)
            )
            if not last:
                layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        super().__init__(*layers)
