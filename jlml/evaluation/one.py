"""Evaluates one run: part after part, each on its own, into `<run>/evaluation/`."""

import json
import time
import traceback
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from jlml.errors import UserError, reason_of
from jlml.evaluation.document import write_report
from jlml.evaluation.findings import Figure, Findings, NotApplicableError, as_json
from jlml.evaluation.parts import PARTS
from jlml.evaluation.parts.likelihood import observation_of
from jlml.evaluation.planes import check_planes
from jlml.evaluation.record import (
    Content,
    Evaluation,
    earlier_parts,
    folder_of,
    identity,
    make_folder,
    settings_of_part,
)
from jlml.evaluation.subject import Settings, Subject
from jlml.files import write_atomically
from jlml.pictures.figures import as_png
from jlml.runs import Run

PLACES = ("data.root", "output_dir")  # paths of the machine that trained
FRAME_MS = 150
LAST_FRAME_MS = 2000


def evaluate_run(run: Run, which: str, parts: Sequence[str], settings: Settings) -> Evaluation:
    """Evaluates some parts of one checkpoint; keeps the others of the same checkpoint and settings.

    Args:
        run: the run.
        which: `best` or `last`.
        parts: names of `PARTS`.
        settings: how.

    Raises:
        UserError: the run cannot be loaded, or its data not be had. A part that fails raises nothing.
    """
    subject = Subject(run, which, settings)
    if "pictures" in parts:
        check_planes(subject)
    folder = folder_of(run, which)
    make_folder(folder)
    content = describe(subject)
    earlier = earlier_parts(run, which, settings)
    content["parts"] = {name: earlier[name] for name in PARTS if name in earlier}
    with shown_progress() as progress:
        for name in parts:
            task = progress.add_task(name, total=None, note="")
            subject.advance = partial(report_progress, progress, task)
            result = run_part(name, subject, folder)
            progress.update(task, completed=1, total=1, note=note_of(result))
            done = {**content["parts"], name: result}
            content["parts"] = {name: done[name] for name in PARTS if name in done}
            write_atomically(folder / "metrics.json", json.dumps(content, indent=2, allow_nan=False) + "\n")
    write_report(folder, content)
    return Evaluation(run, folder, content, parts)


def describe(subject: Subject) -> Content:
    """What was evaluated, and how; the parts come to it."""
    config, data = subject.config, subject.data
    return {
        "run": subject.run.path.resolve().name,
        **identity(subject.run, subject.which),
        "device": subject.settings.device,
        "choices": config["choices"],
        "changes": [word for word in config["changes"] if word.split("=")[0] not in PLACES],
        "latent_dim": subject.latent_dim,
        "run_seed": config["seed"],
        "data": {
            "name": data.source.name,
            "pixels": data.pixels,
            "image_shape": list(data.image_shape),
            "fit": data.fit if data.image_size else None,
            "training_images": len(data.train_labels),
            "test_images": len(data.test_labels),
        },
        "observation_model": observation_of(config),
        "parts": {},
    }


def run_part(name: str, subject: Subject, folder: Path) -> Content:
    """What a part found, its figures written; or why it found nothing."""
    started = time.perf_counter()
    for file in folder.glob(f"{name}_*"):
        file.unlink()
    try:
        findings: Findings = PARTS[name](subject)
        result: Content = {"status": "done", "metrics": as_json(findings.metrics)}
        result["figures"] = [write_figure(figure, folder, name) for figure in findings.figures]
        result["remarks"] = findings.remarks
    except NotApplicableError as reason:
        result = {"status": "not applicable", "reason": str(reason)}
    except Exception as error:  # whatever goes wrong in one part, the others can still be had
        result = {"status": "failed", "reason": reason_of(error)}
        if not isinstance(error, UserError):
            write_atomically(folder / f"{name}_error.txt", traceback.format_exc())
    result["settings"] = settings_of_part(name, subject.settings)
    result["seconds"] = round(time.perf_counter() - started, 2)
    return result


def write_figure(figure: Figure, folder: Path, part: str) -> Content:
    """Writes a PNG, or a GIF of many frames, and says which."""
    title = f"{part}_{figure.name}"
    if isinstance(figure.picture, list):
        file = f"{title}.gif"
        # one palette for all frames, from the last: colours must not flicker
        palette = Image.fromarray(figure.picture[-1]).quantize(128)
        first, *rest = (
            Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
            for frame in figure.picture
        )
        durations = [FRAME_MS] * len(rest) + [LAST_FRAME_MS]
        encoded = BytesIO()
        first.save(encoded, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
        write_atomically(folder / file, encoded.getvalue())
    else:
        file = f"{title}.png"
        write_atomically(folder / file, as_png(figure.picture))
    return {"file": file, "caption": figure.caption}


def shown_progress() -> Progress:
    """A line a part, on stderr."""
    return Progress(
        TextColumn("{task.description:14}", table_column=Column(no_wrap=True, min_width=14)),
        BarColumn(table_column=Column(min_width=20)),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False, table_column=Column(overflow="fold")),
        console=Console(stderr=True),
    )


def report_progress(progress: Progress, task: TaskID, done: int, of: int) -> None:
    """A part pulses until it says how much it has to do."""
    progress.update(task, completed=done, total=of)


def note_of(result: Content) -> str:
    """What the terminal says beside a part that did not do what it might have."""
    return "" if result["status"] == "done" else f"{result['status']}: {result['reason']}"
