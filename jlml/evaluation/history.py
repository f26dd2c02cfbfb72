"""The movement of the codes during training, from the snapshots of a run."""

import io
import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jlml.errors import UserError, first_line
from jlml.evaluation.results import Figure
from jlml.evaluation.subject import Subject
from jlml.files import read_limited
from jlml.metrics.pca import principal_axes
from jlml.pictures.figures import Plane, scatter
from jlml.pictures.plane import limits_of

MOST_FRAMES = 60
LARGEST = 1 << 24  # bytes of a snapshot: 5,000 codes of 1,600 dimensions


def movement(subject: Subject) -> list[Figure]:
    """An animation of the codes of validation images; empty if there are fewer than two snapshots."""
    kept, snapshots, labels = kept_codes(
        subject.run.path / "snapshots", subject.model.latent_dim, len(subject.data.class_names)
    )
    if not kept:
        return []
    planes, axes = in_one_plane(snapshots)
    limits = limits_of(torch.cat(planes))
    frames = [
        scatter(
            Plane(points, axes),
            labels,
            subject.data.class_names,
            limits,
            f"Validation codes, step {step_in(file):,}",
        )
        for points, file in zip(planes, kept, strict=True)
    ]
    caption = f"The codes of {len(labels)} validation images, from the first snapshot to the last."
    return [Figure("movement", frames, caption)]


def kept_codes(folder: Path, latent_dim: int, classes: int) -> tuple[list[Path], list[Tensor], Tensor]:
    """At most `MOST_FRAMES` snapshots of a run, their codes, and the labels of the images.

    All are empty if there are fewer than two snapshots.

    Raises:
        UserError: a snapshot does not belong to this run.
    """
    files = snapshot_files(folder)
    if len(files) < 2:
        return [], [], torch.empty(0)
    kept = [
        files[i] for i in np.linspace(0, len(files) - 1, min(len(files), MOST_FRAMES)).round().astype(int)
    ]
    labels = read(folder / "labels.npy")
    if labels.ndim != 1 or not ((labels >= -1) & (labels < classes)).all():
        raise UserError(f"{folder / 'labels.npy'} does not contain the classes of images.")
    snapshots = []
    for file in kept:
        codes = read(file)
        if codes.shape != (len(labels), latent_dim):
            raise UserError(f"{file} does not contain codes of this run: its shape differs.")
        snapshots.append(codes)
    return kept, snapshots, labels.long()


def snapshot_files(folder: Path) -> list[Path]:
    """The snapshots in the order of training."""
    return sorted(folder.glob("step_*.npy"), key=step_in)


def step_in(file: Path) -> int:
    """The training step in the name of a snapshot."""
    return int(re.sub(r"[^0-9]", "", file.stem) or 0)


def read(path: Path) -> Tensor:
    """Reads a stored array as floats."""
    try:
        content = io.BytesIO(read_limited(path, LARGEST))
        return torch.from_numpy(np.lib.format.read_array(content, allow_pickle=False).astype(np.float32))
    except Exception as error:  # a damaged header can make numpy raise any error
        raise UserError(f"{path} is not a snapshot: {first_line(error)}.") from error


def in_one_plane(snapshots: list[Tensor]) -> tuple[list[Tensor], tuple[str, str]]:
    """Projects all snapshots to one plane, and names its axes.

    More than two dimensions use the principal components of the last snapshot.
    """
    last = snapshots[-1]
    if last.shape[1] == 1:
        heights = torch.linspace(0, 1, len(last))  # one height per image
        return [torch.stack([codes[:, 0], heights], 1) for codes in snapshots], ("z1", "image")
    if last.shape[1] == 2:
        return snapshots, ("z1", "z2")
    axes = principal_axes(last)
    names = ("principal component 1 of the last codes", "principal component 2")
    return [axes.project(codes) for codes in snapshots], names
