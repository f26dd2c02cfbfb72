"""The files of an evaluation, and the reuse of earlier results."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import jlml
from jlml.config import Config
from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.digits import weights_hash
from jlml.evaluation.shown_scores import shown_scores
from jlml.evaluation.stored import Done, StoredEvaluation
from jlml.files import locked, read_limited
from jlml.runs import Run

Content = dict[str, Any]

LARGEST_FIGURE = 1 << 25  # bytes; a report embeds all figures
# the settings that affect the results of a part, in addition to the seed
READS = {
    "likelihood": ("importance_samples",),
    "generation": ("samples", "features"),
    "read_as": ("read_as", "importance_samples"),
    "tsne": ("tsne_images",),
    "images": ("training_images",),
    "explorer": ("explorer.weights", "explorer.epochs"),
}


@dataclass(frozen=True)
class Evaluation:
    """An evaluated run."""

    run: Run
    config: Config  # config of the run
    folder: Path  # folder of the results
    content: Content  # content of its `metrics.json`
    requested: Sequence[str] = ()  # parts that this command had to evaluate

    @property
    def parts(self) -> dict[str, Content]:
        return self.content["parts"]

    @property
    def failed(self) -> list[str]:
        """Requested parts that failed, without those that failed in an earlier evaluation."""
        return [name for name in self.requested if self.parts[name]["status"] == "failed"]

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """Every finite metric, as ``part/name``, and the scores of the pictures that users look at."""
        metrics = finite_metrics(self.parts)
        return metrics | shown_scores(metrics, self.config)


def finite_metrics(parts: Mapping[str, Content]) -> dict[str, float]:
    """Every finite metric of the parts of an evaluation, as ``part/name``."""
    return {
        f"{part}/{name}": metric["value"]
        for part, result in parts.items()
        for name, metric in result.get("metrics", {}).items()
        if metric["value"] is not None
    }


def folder_of(run: Run, which: str) -> Path:
    """The folder for the evaluation of a checkpoint."""
    return run.path / "evaluation" if which == "best" else run.path / "evaluation" / which


def make_folder(folder: Path) -> None:
    """Creates a folder for results.

    Raises:
        UserError: it cannot be created, or is a link, which could lead out of the run folder.
    """
    own = [place for place in (folder, folder.parent) if place.name in ("evaluation", "comparison")]
    own += [folder] if folder.parent.name == "evaluation" else []  # for example evaluation/last
    if any(place.is_symlink() for place in own):
        raise UserError(
            f"{folder} is a link or is inside one, and jlml does not write through links. Remove the link."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be created: {error.strerror}.") from error


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Locks a folder of results for a moment, because several processes may evaluate one run.

    Raises:
        UserError: the lock is a link, which could lead out of the run folder.
    """
    lock = folder / ".lock"
    if lock.is_symlink():
        raise UserError(f"{lock} is a link, and jlml does not write through links. Remove the link.")
    with locked(lock, wait=-1):
        yield


def identity(run: Run, which: str) -> Content:
    """The checkpoint and version that all parts of one report must share."""
    with run.checkpoint(which).open("rb") as checkpoint:
        digest = hashlib.file_digest(checkpoint, "sha256").hexdigest()
    return {
        "checkpoint": {"which": which, "sha256": digest},
        "jlml": jlml.__version__,
        "feature_network_sha256": weights_hash(),
    }


def settings_of_part(name: str, settings: Evaluate) -> Content:
    """The settings that affect the results of a part."""
    return {key: attrgetter(key)(settings) for key in ("seed", *READS.get(name, ()))}


def earlier_parts(run: Run, which: str, settings: Evaluate) -> dict[str, Content]:
    """The parts of an earlier evaluation of the same checkpoint, with the same version and settings.

    The file is untrusted: it is ignored if it does not validate. Parts with missing figures are left out.
    """
    folder = folder_of(run, which)
    try:
        stored = StoredEvaluation.model_validate_json(read_limited(folder / "metrics.json"))
    except (OSError, ValidationError):
        return {}
    if stored.model_dump(exclude={"parts"}) != identity(run, which):
        return {}
    return {
        name: part.model_dump()
        for name, part in stored.parts.items()
        if part.settings == settings_of_part(name, settings)
        if not isinstance(part, Done) or has_files(part, folder)
    }


def has_files(part: Done, folder: Path) -> bool:
    """Whether the figures and files of a part are still in the folder."""
    return all(is_figure(folder / figure.file) for figure in part.figures) and all(
        (folder / name).is_file() and not (folder / name).is_symlink() for name in part.files
    )


def is_figure(file: Path) -> bool:
    """Whether a path is a regular file that is small enough to embed in a report."""
    return file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST_FIGURE
