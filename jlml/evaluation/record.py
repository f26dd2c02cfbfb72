"""What an evaluation leaves on disk, and how it is found again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import jlml
from jlml.evaluation.quantities import QUANTITIES
from jlml.evaluation.subject import Settings
from jlml.runs import Run

Content = dict[str, Any]

# what an evaluation is told and no number depends on
WITHOUT_EFFECT = ("device", "batch_size", "plane_axes", "plane_images", "data_root", "trust")


@dataclass(frozen=True)
class Evaluation:
    """What `metrics.json` of an evaluated run holds, and the folder that it lies in."""

    run: Run
    folder: Path
    content: Content

    @property
    def parts(self) -> dict[str, Content]:
        return self.content["parts"]

    @property
    def failed(self) -> list[str]:
        return [name for name, part in self.parts.items() if part["status"] == "failed"]


def folder_of(run: Run, which: str) -> Path:
    """Where the evaluation of a checkpoint lies."""
    return run.path / "evaluation" if which == "best" else run.path / "evaluation" / which


def identity(run: Run, which: str, settings: Settings) -> Content:
    """What must be equal for numbers to be those of the same evaluation."""
    checkpoint = run.checkpoint(which).read_bytes()
    told = {key: value for key, value in asdict(settings).items() if key not in WITHOUT_EFFECT}
    return {
        "checkpoint": {"which": which, "sha256": hashlib.sha256(checkpoint).hexdigest()},
        "jlml": jlml.__version__,
        "settings": json.loads(json.dumps(told)),  # lists for tuples, as it will be read again
    }


def earlier_parts(run: Run, which: str, settings: Settings) -> dict[str, Content]:
    """The parts that are there already of the same checkpoint under the same settings.

    A part that is not as an evaluation writes it is left out: it may come from a stranger, or have lost a
    figure.
    """
    folder = folder_of(run, which)
    try:
        content = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        same = all(content[key] == value for key, value in identity(run, which, settings).items())
        parts = content["parts"] if same else {}
        return {name: part for name, part in parts.items() if is_sound_part(part, folder)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def is_sound_part(part: Any, folder: Path) -> bool:
    """Whether a part has the shape that `run_part` gives it."""
    if not isinstance(part, dict) or not isinstance(part.get("seconds"), (int, float)):
        return False
    if part.get("status") != "done":
        return part.get("status") in ("failed", "not applicable") and isinstance(part.get("reason"), str)
    metrics, figures, remarks = part.get("metrics"), part.get("figures"), part.get("remarks")
    return (
        isinstance(metrics, dict)
        and all(is_sound_metric(name, metric) for name, metric in metrics.items())
        and isinstance(figures, list)
        and all(is_sound_figure(figure, folder) for figure in figures)
        and isinstance(remarks, list)
        and all(isinstance(remark, str) for remark in remarks)
    )


def is_sound_metric(name: str, metric: Any) -> bool:
    """A known quantity, with numbers where numbers stand."""
    if not isinstance(metric, dict) or name.rsplit("/", 1)[-1] not in QUANTITIES:
        return False
    numbers = [metric.get(key, "absent") for key in ("value", "standard_error")]
    return isinstance(metric.get("n"), int) and all(
        number is None or (isinstance(number, (int, float)) and isfinite(number)) for number in numbers
    )


def is_sound_figure(figure: Any, folder: Path) -> bool:
    """A file beside it, and nowhere else."""
    if not isinstance(figure, dict) or not isinstance(figure.get("caption"), str):
        return False
    file = folder / str(figure.get("file"))
    is_here = file.parent == folder and file.is_file() and not file.is_symlink()
    return is_here and file.suffix in (".png", ".gif")
