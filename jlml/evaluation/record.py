"""What an evaluation leaves on disk, and how it is found again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jlml
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


def earlier_evaluation(run: Run, which: str, settings: Settings) -> Evaluation | None:
    """What is there already of the same checkpoint under the same settings; None if nothing is."""
    folder = folder_of(run, which)
    try:
        content = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        same = all(content[key] == value for key, value in identity(run, which, settings).items())
        return Evaluation(run, folder, content) if same and isinstance(content["parts"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
