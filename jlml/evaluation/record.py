"""What an evaluation leaves on disk, and how it is found again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jlml
from jlml.comparison.quantities import QUANTITIES
from jlml.errors import UserError
from jlml.evaluation.digits import weights_hash
from jlml.evaluation.subject import Settings
from jlml.files import is_number, read_json
from jlml.runs import Run

Content = dict[str, Any]

LARGEST_FIGURE = 1 << 25  # bytes; the report holds all of them

# which settings the numbers of a part depend on, besides the seed
READS = {"likelihood": ("importance_samples",), "generation": ("samples",), "tsne": ("tsne_images",)}


@dataclass(frozen=True)
class Evaluation:
    """What `metrics.json` of an evaluated run holds, the folder that it lies in, and the parts asked for."""

    run: Run
    folder: Path
    content: Content
    asked: Sequence[str] = ()

    @property
    def parts(self) -> dict[str, Content]:
        return self.content["parts"]

    @property
    def failed(self) -> list[str]:
        """Parts that were to be evaluated now and failed; not those that failed at another time."""
        return [name for name in self.asked if self.parts[name]["status"] == "failed"]


def folder_of(run: Run, which: str) -> Path:
    """Where the evaluation of a checkpoint lies."""
    return run.path / "evaluation" if which == "best" else run.path / "evaluation" / which


def make_folder(folder: Path) -> None:
    """Makes a folder for results, inside what is there.

    Raises:
        UserError: it cannot be made, or is a link, which could lead out of the run.
    """
    own = [place for place in (folder, folder.parent) if place.name in ("evaluation", "last", "comparison")]
    if any(place.is_symlink() for place in own):
        raise UserError(f"{folder} is a link or lies in one, and nothing is written through it. Remove it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}.") from error


def identity(run: Run, which: str) -> Content:
    """What must be equal for parts to stand in one report."""
    with run.checkpoint(which).open("rb") as checkpoint:
        digest = hashlib.file_digest(checkpoint, "sha256").hexdigest()
    return {
        "checkpoint": {"which": which, "sha256": digest},
        "jlml": jlml.__version__,
        "feature_network_sha256": weights_hash(),
    }


def settings_of_part(name: str, settings: Settings) -> Content:
    """What must be equal for the numbers of a part to be the same."""
    return {key: getattr(settings, key) for key in ("seed", *READS.get(name, ()))}


def earlier_parts(run: Run, which: str, settings: Settings) -> dict[str, Content]:
    """The parts that are there already of the same checkpoint under the same settings.

    A part that is not as an evaluation writes it is left out: it may come from a stranger, or have lost a
    figure.
    """
    folder = folder_of(run, which)
    try:
        content = read_json(folder / "metrics.json")
        same = all(content[key] == value for key, value in identity(run, which).items())
        parts = content["parts"] if same else {}
        return {
            name: part
            for name, part in parts.items()
            if is_sound_part(part, folder) and part.get("settings") == settings_of_part(name, settings)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return {}


def is_sound_part(part: Any, folder: Path) -> bool:
    """Whether a part has the shape that `run_part` gives it."""
    if not isinstance(part, dict) or not is_number(part.get("seconds")):
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
    return isinstance(metric.get("n"), int) and all(number is None or is_number(number) for number in numbers)


def is_sound_figure(figure: Any, folder: Path) -> bool:
    """A file beside it, and nowhere else."""
    if not isinstance(figure, dict) or not isinstance(figure.get("caption"), str):
        return False
    file = folder / str(figure.get("file"))
    is_here = file.parent == folder and file.is_file() and not file.is_symlink()
    return is_here and file.suffix in (".png", ".gif") and file.stat().st_size <= LARGEST_FIGURE
