"""Labelled rows of small images, copied into an array: thirty times as fast as matplotlib axes."""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jlml.pictures.figures.canvas import Picture, as_pixels
from jlml.pictures.figures.style import COLUMNS, FONT, FONT_SIZE, INK, WIDTH

GAP = 3  # pixels between images
BACKGROUND = 255
LINE = FONT_SIZE + 2 * GAP  # height of a line of text

Row = tuple[str, Float[Tensor, "_ channels height width"]]


def mosaic(rows: Sequence[Row], title: str = "") -> Picture:
    """Draws a title, and below it rows of a label and images.

    The picture is `WIDTH` pixels wide, or wider for more than `COLUMNS` images in a row. The scale is the
    largest whole number with which `COLUMNS` images and short labels fit. Longer labels are above their
    rows, in several lines if they are wide. Pixels are clipped to [0, 1].
    """
    labels = [label for label, _ in rows]
    width = rows[0][1].shape[-1]
    gutter = max(map(_text_width, labels)) + 2 * GAP if any(labels) else 0
    above = _scale(width, gutter) < _scale(width, 0)
    scale = _scale(width, 0 if above else gutter)
    tiles = [_scaled(images, scale) for _, images in rows]
    lines, wrapped = _lines(title), [_lines(label) if above else [label] for label in labels]
    heights = [len(some) * LINE if above else 0 for some in wrapped]
    tops = list(_tops(heights, tiles[0].shape[1], len(lines) * LINE))
    start = GAP + (0 if above else gutter)
    total = max(WIDTH, start + max(map(len, tiles)) * (tiles[0].shape[2] + GAP))
    canvas = np.full((tops[-1] + tiles[-1].shape[1] + GAP, total, 3), BACKGROUND, dtype=np.uint8)
    for top, images in zip(tops, tiles, strict=True):
        for column, image in enumerate(images):
            left = start + column * (image.shape[1] + GAP)
            canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((GAP, GAP + number * LINE), line, fill=INK, font=_font())
    for top, height, some in zip(tops, heights, wrapped, strict=True):
        for number, line in enumerate(some, start=1):
            bottom = top - GAP - height + number * LINE
            place = (GAP, bottom) if above else (GAP, top + tiles[0].shape[1] // 2)
            pen.text(place, line, fill=INK, font=_font(), anchor="ld" if above else "lm")
    return np.asarray(picture).copy()


def _scale(width: int, gutter: int) -> float:
    """The factor by which images are enlarged: a whole number, or a fraction for wide images."""
    room = (WIDTH - gutter - GAP) / COLUMNS - GAP
    return max(room // width, min(1.0, room / width) if room < width else 1.0)


def _tops(labels: Sequence[int], height: int, top: int) -> Iterator[int]:
    """The first pixel row of the images of each row, below a label of some height."""
    top += GAP
    for label in labels:
        top += label
        yield top
        top += height + GAP


def _lines(text: str) -> list[str]:
    """The text in lines that fit the width."""
    lines: list[str] = []
    for word in text.split():
        if lines and _text_width(f"{lines[-1]} {word}") <= WIDTH - 2 * GAP:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _text_width(text: str) -> int:
    return round(_font().getlength(text))


def _scaled(images: Tensor, scale: float) -> np.ndarray:
    """Converts floats (columns, C, H, W) to bytes (columns, scale H, scale W, C)."""
    pixels = as_pixels(images)
    if scale >= 1:
        return pixels.repeat_interleave(int(scale), 1).repeat_interleave(int(scale), 2).numpy()
    height, width = (max(1, int(size * scale)) for size in pixels.shape[1:3])
    shrunk = [
        np.asarray(_as_image(one).resize((width, height), Image.Resampling.BOX)) for one in pixels.numpy()
    ]
    return np.stack(shrunk).reshape(len(shrunk), height, width, -1)


def _as_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(FONT), FONT_SIZE)
