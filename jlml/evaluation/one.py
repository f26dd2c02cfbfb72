"""Evaluates one run, part by part, into `<run>/evaluation/`."""

import json
import logging
import time
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from jlml.comparison.descriptions import observation_in_words
from jlml.config import part_names
from jlml.config.schema import Evaluate
from jlml.errors import UserError, reason_of
from jlml.evaluation.figure_files import write_figure
from jlml.evaluation.parts import PARTS
from jlml.evaluation.planes import check_planes
from jlml.evaluation.progress import PartProgress
from jlml.evaluation.record import (
    Content,
    Evaluation,
    changing,
    earlier_parts,
    folder_of,
    identity,
    make_folder,
    settings_of_part,
)
from jlml.evaluation.report import write_report
from jlml.evaluation.results import NotApplicableError, as_json
from jlml.evaluation.subject import Subject
from jlml.files import read_json, write_atomically
from jlml.pictures.figures import figures_kept
from jlml.runs import Run
from jlml.runs.matching import dict_in

log = logging.getLogger(__name__)

# changes that a report leaves out: they only matter on the machine that trained the run, or stand elsewhere
LEFT_OUT = ("data.root", "data.path", "output_dir", "name", "tags", "note")


def evaluate_run(run: Run, which: str, parts: Sequence[str], settings: Evaluate) -> Evaluation:
    """Evaluates parts of a checkpoint. Keeps earlier results of other parts with the same settings.

    Args:
        run: run to evaluate.
        which: `best`, `last`, or another checkpoint, for example `epoch_0005`.
        parts: names of `PARTS`.
        settings: settings of the evaluation.

    Raises:
        UserError: the run or its data cannot be loaded. A part that fails raises no error.
    """
    subject = Subject(run, which, settings)
    if "pictures" in parts:
        check_planes(subject)
    folder = folder_of(run, which)
    make_folder(folder)
    content, done = describe(subject), dict[str, Content]()
    with PartProgress() as progress:
        for name in parts:
            task = progress.begin(name)
            subject.advance = partial(progress.advance_to, task)
            done[name] = run_part(name, subject, folder)
            progress.end(task, done[name])
            with changing(folder):
                write_metrics(subject, folder, content, done)
    with changing(folder):
        write_metrics(subject, folder, content, done)
        write_report(folder, content, subject.model.loss.shown)
    return Evaluation(run, subject.config, folder, content, parts)


def write_metrics(subject: Subject, folder: Path, content: Content, done: dict[str, Content]) -> None:
    """Writes `metrics.json`: the parts that are done, and those of other evaluations that can be kept.

    Another process may have written parts since this one began, so the file is read again.
    """
    file = folder / "metrics.json"
    parts = earlier_parts(subject.run, subject.which, subject.settings) | done
    lost = [name for name in dict_in(read_json(file), "parts") if name in PARTS and name not in parts]
    if lost:
        log.warning("%s no longer has %s: another checkpoint, version or settings.", file, ", ".join(lost))
    content["parts"] = {name: parts[name] for name in PARTS if name in parts}
    write_atomically(file, json.dumps(content, indent=2, allow_nan=False) + "\n")


def describe(subject: Subject) -> Content:
    """The content of metrics.json without parts: what is evaluated, and how."""
    config, data = subject.config, subject.data
    return {
        "run": subject.run.path.resolve().name,
        "name": config.get("name"),
        "tags": config.get("tags") or [],
        "note": config.get("note"),
        **identity(subject.run, subject.which),
        "device": subject.settings.device,
        "choices": part_names(config),
        "changes": [change for change in config["changes"] if change.split("=")[0] not in LEFT_OUT],
        "latent_dim": subject.model.latent_dim,
        "run_seed": config["seed"],
        "data": {
            "name": data.source.name,
            "pixels": data.pixels,
            "image_shape": list(data.image_shape),
            "fit": data.fit if data.image_size else None,
            "training_images": len(data.train_labels),
            "test_images": len(data.test_labels),
        },
        "observation_model": observation_in_words(config),
        "sampled_from": subject.model.sampled_from,
        "parts": {},
    }


def run_part(name: str, subject: Subject, folder: Path) -> Content:
    """Runs a part, writes its figures, and returns its results, or the reason why there are none."""
    started = time.perf_counter()
    for file in folder.glob(f"{name}_*"):
        file.unlink()
    kind = subject.settings.figures
    try:
        with figures_kept(kind) if kind else nullcontext():
            results = PARTS[name](subject)
            figures = [write_figure(figure, folder, f"{name}_") for figure in results.figures]
        content: Content = {"status": "done", "metrics": as_json(results.metrics), "figures": figures}
        content["notes"] = results.notes
        content["files"] = list(results.files)
        for file_name, written in results.files.items():
            write_atomically(folder / file_name, written)
    except NotApplicableError as reason:
        content = {"status": "not applicable", "reason": str(reason)}
    except Exception as error:  # the other parts can still be evaluated
        content = {"status": "failed", "reason": reason_of(error)}
        if not isinstance(error, UserError):
            write_atomically(folder / f"{name}_error.txt", traceback.format_exc())
    content["settings"] = settings_of_part(name, subject.settings)
    content["seconds"] = round(time.perf_counter() - started, 2)
    return content
