"""Labelled rows of small images, copied into an array: thirty times as fast as matplotlib axes."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jlml.pictures.figures.canvas import Picture, as_pixels

GAP = 3  # pixels between images
BACKGROUND = 255
INK = (30, 30, 30)
FONT_SIZE = 15


def mosaic(
    rows: Sequence[tuple[str, Float[Tensor, "_ channels height width"]]], title: str = "", scale: int = 2
) -> Picture:
    """Draws a title, and below it rows of a label and any number of images.

    Pixels are clipped to [0, 1] and enlarged by ``scale``.
    """
    tiles = [_enlarged(images, scale) for _, images in rows]
    columns = max(map(len, tiles))
    height, width = tiles[0].shape[1:3]
    text_width = max(_text_width(label) for label, _ in rows)
    gutter = text_width + 3 * GAP if text_width else 0
    header = FONT_SIZE + 2 * GAP if title else 0
    canvas_width = max(GAP + gutter + columns * (width + GAP), _text_width(title) + 2 * GAP)
    canvas_height = header + GAP + len(rows) * (height + GAP)
    canvas = np.full((canvas_height, canvas_width, 3), BACKGROUND, dtype=np.uint8)
    tops = [header + GAP + row * (height + GAP) for row in range(len(rows))]
    for top, images in zip(tops, tiles, strict=True):
        for column, image in enumerate(images):
            left = GAP + gutter + column * (width + GAP)
            canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    pen.text((GAP, GAP), title, fill=INK, font=_font())
    for top, (label, _) in zip(tops, rows, strict=True):
        pen.text((GAP, top + height // 2), label, fill=INK, font=_font(), anchor="lm")
    return np.asarray(picture).copy()


def _text_width(text: str) -> int:
    return round(_font().getlength(text))


def _enlarged(images: Tensor, scale: int) -> np.ndarray:
    """Converts floats (columns, C, H, W) to bytes (columns, scale H, scale W, C)."""
    pixels = as_pixels(images)
    return pixels.repeat_interleave(scale, 1).repeat_interleave(scale, 2).numpy()


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(FONT_SIZE)
