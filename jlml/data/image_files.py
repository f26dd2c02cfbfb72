"""Image files of any format, size and colour to bytes. Safe for files from anywhere: sizes are limited."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from jlml.data.pixels import fit_to
from jlml.errors import UserError, first_line

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # others can start programs
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MOST_PIXELS = 1 << 26  # of one file: 67 million, as of a camera; a damaged header can promise more
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # 16 bits per pixel
LARGEST_DEEP = 2**16 - 1


@dataclass(frozen=True)
class Header:
    """What a file says about its image, before it is decoded."""

    height: int
    width: int
    is_grey: bool


def read_header(path: Path) -> Header:
    """The size of an image, as it is shown, and whether it is grey.

    Raises:
        UserError: the file is not an image, or has too many pixels.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Image.DecompressionBombError
            if image.getexif().get(0x0112) in TURNED:  # the tag of the orientation
                width, height = height, width
            return Header(height, width, image.mode in GREY)
    except Image.DecompressionBombError:  # Pillow raises it, too
        raise UserError(
            f"{path} has more than the {MOST_PIXELS:,} pixels that jlml reads. Remove it, or make it smaller."
        ) from None
    except Exception as error:  # a damaged file can make Pillow raise any error
        raise unreadable(path, error) from error


def read_image(
    path: Path, channels: int, background: int = 0, size: int | None = None, fit: str = "pad"
) -> UInt8[Tensor, "channel height width"]:
    """An image as bytes: turned as its EXIF data say, without transparency, in 8 bits, grey or colour.

    Args:
        path: the file.
        channels: 1 for grey, 3 for colour.
        background: grey level, 0 to 255, behind transparent pixels.
        size: pixels per side; None keeps the image's own.
        fit: how to reach ``size``, see `jlml.data.pixels.fit_to`.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with Image.open(path, formats=FORMATS) as opened:
            image = ImageOps.exif_transpose(opened)
            return as_tensor(in_eight_bits(without_transparency(image, background), channels), size, fit)
    except UserError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


def as_tensor(image: Image.Image, size: int | None, fit: str) -> UInt8[Tensor, "channel height width"]:
    """The pixels of a grey or colour image; ``size`` and ``fit`` as in `read_image`."""
    pixels = np.array(image)
    tensor = torch.from_numpy(pixels[:, :, None] if pixels.ndim == 2 else pixels).permute(2, 0, 1)
    return tensor if size is None else fit_to(tensor[None], size, fit)[0]


def without_transparency(image: Image.Image, background: int) -> Image.Image:
    """The image laid on a grey background."""
    if image.mode not in ("LA", "La", "RGBA", "RGBa", "PA") and "transparency" not in image.info:
        return image
    rgba = image.convert("RGBA")
    behind = Image.new("RGBA", rgba.size, (background, background, background, 255))
    return Image.alpha_composite(behind, rgba).convert("L" if image.mode in GREY else "RGB")


def in_eight_bits(image: Image.Image, channels: int) -> Image.Image:
    """The image with 8 bits per pixel and channel. 16 bits are scaled, not cut off."""
    if image.mode in DEEP:
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > LARGEST_DEEP:
            raise UserError(f"its pixels are from {deep.min()} to {deep.max()}, not from 0 to {LARGEST_DEEP}")
        image = Image.fromarray(((deep * 255 + LARGEST_DEEP // 2) // LARGEST_DEEP).astype(np.uint8))
    elif image.mode == "F":
        raise UserError("its pixels are floats, whose range is not known")
    return image.convert("L" if channels == 1 else "RGB")


def unreadable(path: Path, error: BaseException) -> UserError:
    """The error for a file that cannot be read."""
    return UserError(f"{path} cannot be read as an image: {first_line(error)}. Replace or remove it.")
