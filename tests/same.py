"""Compares two runs bit for bit: weights, optimizer states, random states, metrics and curves."""

from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from jlml.loggers.tensorboard import GROUP, SPLITS
from jlml.runs import Run


def compared_state(path: Path) -> dict[str, Any]:
    """The entries of a checkpoint that must be equal.

    For the last checkpoint these are all that affect further training, for the others weights and counters.
    """
    checkpoint = torch.load(path, weights_only=True)
    kept = {key: checkpoint[key] for key in ("state_dict", "loops", "global_step")}
    if path.stem == "last":
        kept |= {key: checkpoint[key] for key in ("optimizer_states", "lr_schedulers")}
        callbacks = checkpoint["callbacks"].items()
        kept["random"] = [state for name, state in callbacks if name.startswith("LastCheckpoint")]
    return dict(leaves(kept))


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors and numbers in nested containers, each with its path."""
    if isinstance(node, (dict, list, tuple)):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, f"{key}.{name}")
    else:
        yield key, node


def curves(run: Run) -> dict[str, list[tuple[int, float]]]:
    """Every TensorBoard curve of a run, except those of its speed."""
    found = {}
    for split in SPLITS:
        board = EventAccumulator(str(run.path / split), size_guidance={"scalars": 0}).Reload()
        for tag in board.Tags()["scalars"]:
            name = f"{split}/{tag.removeprefix(f'{GROUP}/')}"
            if "second" not in name:
                found[name] = [(event.step, event.value) for event in board.Scalars(tag)]
    return found


def differences(ours: Run, theirs: Run) -> list[str]:
    """Names everything in which two runs differ; empty if they are equal bit for bit."""
    ours_kept, theirs_kept = (
        {path.stem for path in (run.path / "checkpoints").glob("*.ckpt")} for run in (ours, theirs)
    )
    found = sorted(ours_kept ^ theirs_kept)
    for which in sorted(ours_kept & theirs_kept):
        a, b = compared_state(ours.checkpoint(which)), compared_state(theirs.checkpoint(which))
        found += [f"{which}{key}" for key in a.keys() | b.keys() if not same(a.get(key), b.get(key))]
    if ours.metrics()["metrics"] != theirs.metrics()["metrics"]:
        found.append("metrics.json")
    a_curves, b_curves = curves(ours), curves(theirs)
    found += [tag for tag in a_curves.keys() | b_curves.keys() if a_curves.get(tag) != b_curves.get(tag)]
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two leaves are equal, bit for bit."""
    return torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a == b


def folder_contents(folder: Path) -> dict[str, str]:
    """Every path in a folder, with the hash of its content or what it is."""
    return {str(path.relative_to(folder)): content_of(path) for path in sorted(folder.rglob("*"))}


def content_of(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    try:
        return "folder" if path.is_dir() else md5(path.read_bytes()).hexdigest()
    except PermissionError:
        return "forbidden"
