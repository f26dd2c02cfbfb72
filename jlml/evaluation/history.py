"""How the codes moved during training, from the snapshots that a run kept."""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jlml.errors import UserError, gist
from jlml.evaluation.findings import Figure
from jlml.evaluation.subject import Subject
from jlml.plots import Plane, scatter

MOST_FRAMES = 60
EDGE = 0.005  # quantile of all snapshots at which the axes end


def movement(subject: Subject) -> list[Figure]:
    """An animation of the codes of some validation images; nothing if there are no two snapshots."""
    files = snapshot_files(subject.run.path / "snapshots")
    if len(files) < 2:
        return []
    kept = [
        files[i] for i in np.linspace(0, len(files) - 1, min(len(files), MOST_FRAMES)).round().astype(int)
    ]
    snapshots = [read(file) for file in kept]
    labels = read(kept[0].with_name("labels.npy")).long()
    if any(codes.shape != (len(labels), subject.latent_dim) for codes in snapshots):
        raise UserError(f"{kept[0].parent} does not hold codes of this run: the shapes differ.")
    planes, axes = in_one_plane(snapshots)
    low, high = torch.cat(planes).quantile(torch.tensor([EDGE, 1 - EDGE]), dim=0).tolist()
    limits = ((low[0] - 0.1, high[0] + 0.1), (low[1] - 0.1, high[1] + 0.1))
    frames = [
        scatter(Plane(points, axes), labels, subject.class_names, limits, f"Validation codes, {when(file)}")
        for points, file in zip(planes, kept, strict=True)
    ]
    caption = f"The codes of {len(labels)} validation images, from the first snapshot to the last."
    return [Figure("movement", frames, caption)]


def snapshot_files(folder: Path) -> list[Path]:
    """In the order of training."""
    return sorted(folder.glob("step_*.npy"), key=lambda path: int(re.sub(r"\D", "", path.stem) or 0))


def read(path: Path) -> Tensor:
    """A stored array as floats."""
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is not a snapshot: {gist(error)}.") from error


def in_one_plane(snapshots: list[Tensor]) -> tuple[list[Tensor], tuple[str, str]]:
    """Two dimensions as they are; more along the principal components of the last snapshot."""
    last = snapshots[-1]
    if last.shape[1] == 1:
        spread = torch.linspace(0, 1, len(last))  # every image keeps its own height
        return [torch.stack([codes[:, 0], spread], 1) for codes in snapshots], ("z1", "image")
    if last.shape[1] == 2:
        return snapshots, ("z1", "z2")
    _, axes = torch.linalg.eigh(torch.cov(last.T))
    centre, directions = last.mean(0), axes[:, [-1, -2]]
    names = ("principal component 1 of the last codes", "principal component 2")
    return [(codes - centre) @ directions for codes in snapshots], names


def when(file: Path) -> str:
    """For titles."""
    return f"step {int(re.sub(r'[^0-9]', '', file.stem)):,}"
