"""Checks that a checkpoint belongs to a run: compares its config and its weights."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from jlml.config import Config, differences, in_words


def config_mismatch(theirs: Any, ours: Config) -> str | None:
    """Describes how a checkpoint's config differs from that of the run; None if it does not.

    The number of epochs may differ, because a run can be extended.
    """
    if not isinstance(theirs, dict) or not (dict_in(theirs, "data") and dict_in(theirs, "trainer")):
        return "it has no config"
    differing = differences(theirs, ours)
    differing.pop("trainer.max_epochs", None)
    return f"in it, {in_words(differing)}" if differing else None


def weights_mismatch(theirs: Any, ours: Mapping[str, Tensor], size: int) -> str | None:
    """Describes the first weight that does not fit the model; None if all fit.

    Args:
        theirs: `state_dict` of the checkpoint.
        ours: `state_dict` of the model.
        size: size of the file in bytes. Larger weights are refused: an untrusted file can store one number
            and declare a tensor with a million copies of it.
    """
    if not isinstance(theirs, dict):
        return "it has no weights"
    for name in (*ours, *theirs):
        if name not in theirs or name not in ours:
            return f"it {'lacks' if name in ours else 'has'} {name}"
        flaw = shape_mismatch(theirs[name], ours[name], name)
        if flaw is not None:
            return flaw
    needed = sum(weight.numel() * weight.element_size() for weight in ours.values())
    return f"its weights have {needed:,} bytes, more than the file" if needed > size else None


def shape_mismatch(theirs: Any, ours: Tensor, name: str) -> str | None:
    """Describes the shape of an entry if it is not that of our tensor; None if it is."""
    shapes = [tuple(getattr(tensor, "shape", ())) for tensor in (theirs, ours)]
    return None if shapes[0] == shapes[1] else f"{name} has the shape {shapes[0]}, expected {shapes[1]}"


def dict_in(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The dict at a key; empty if there is none."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}
