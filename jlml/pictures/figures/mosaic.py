"""Labelled rows of small images, copied into an array: thirty times as fast as matplotlib axes."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from jlml.pictures.figures.canvas import Picture, as_pixels, escaped, kept_figures
from jlml.pictures.figures.style import COLUMNS, FONT, FONT_SIZE, INK, POINTS, WIDTH

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
    texts = [Text(line, GAP + number * LINE, "la") for number, line in enumerate(lines)]
    for top, height, some in zip(tops, heights, wrapped, strict=True):
        for number, line in enumerate(some, start=1):
            bottom = top - GAP - height + number * LINE
            texts.append(
                Text(line, bottom, "ld") if above else Text(line, top + tiles[0].shape[1] // 2, "lm")
            )
    return _with_texts(canvas, texts)


class Text(NamedTuple):
    """A line of text at the left edge."""

    text: str
    place: int  # pixels from above
    anchor: str  # what is there, in the words of Pillow: la its upper, lm its middle, ld its lower edge


UPRIGHT = {"la": "top", "lm": "center", "ld": "bottom"}  # anchors in the words of matplotlib


def _with_texts(canvas: Picture, texts: Sequence[Text]) -> Picture:
    """Writes texts on a picture."""
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for each in texts:
        pen.text((GAP, each.place), each.text, fill=INK, font=_font(), anchor=each.anchor)
    picture = np.asarray(image).copy()
    if (kept := kept_figures()) is not None:
        figure = kept.figure_of(canvas)
        for each in texts:
            (axes,) = figure.axes
            label = axes.text(GAP, each.place, escaped(each.text), va=UPRIGHT[each.anchor], color=INK)
            label.set(fontsize=POINTS, fontfamily=FONT)
        kept.keep(picture, figure)
    return picture


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
