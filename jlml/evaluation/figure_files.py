"""Writes the figures of an evaluation as PNG, and animations as GIF; on request also for print."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib
from PIL import Image

from jlml.evaluation.results import Figure
from jlml.files import write_atomically
from jlml.pictures.figures import KeptFigures, Picture, as_png, kept_figures

FRAME_MS = 150
LAST_FRAME_MS = 2000


def write_for_print(figure: Figure, folder: Path, kept: KeptFigures, prefix: str, kind: str) -> None:
    """Writes a figure as SVG or PDF. In a column of 3.3 inches its text has 7 points.

    Args:
        figure: the figure; animations are left out.
        folder: where to write it.
        kept: the figures from which pictures were drawn.
        prefix: start of the file's name.
        kind: `svg` or `pdf`.
    """
    if isinstance(figure.picture, list):
        return
    drawn = kept.figure_of(figure.picture)
    content = BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": figure.name}):
        # without the time, so that equal figures are equal files
        drawn.savefig(
            content, format=kind, metadata={"Date": None} if kind == "svg" else {"CreationDate": None}
        )
    write_atomically(folder / f"{prefix}{figure.name}.{kind}", content.getvalue())


def write_figure(figure: Figure, folder: Path, prefix: str = "") -> dict[str, str]:
    """Writes a figure, where `figures_kept` asks for it also for print. Returns its file name and caption."""
    if isinstance(figure.picture, list):
        file, content = f"{prefix}{figure.name}.gif", as_gif(figure.picture)
    else:
        file, content = f"{prefix}{figure.name}.png", as_png(figure.picture)
    write_atomically(folder / file, content)
    if (kept := kept_figures()) is not None and kept.kind is not None:
        write_for_print(figure, folder, kept, prefix, kept.kind)
    return {"file": file, "caption": figure.caption}


def as_gif(frames: Sequence[Picture]) -> bytes:
    """Encodes frames as a GIF that loops and pauses at the last frame."""
    # one palette for all frames, from the last one, so that colours do not flicker
    palette = Image.fromarray(frames[-1]).quantize(128)
    first, *rest = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    )
    durations = [FRAME_MS] * len(rest) + [LAST_FRAME_MS]
    encoded = BytesIO()
    first.save(encoded, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return encoded.getvalue()
