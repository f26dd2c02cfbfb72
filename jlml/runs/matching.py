"""Whether a checkpoint belongs to a run: its config and its weights are compared before it is used."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from jlml.config import Config, differences, in_words


def config_mismatch(theirs: Any, ours: Config) -> str | None:
    """How a checkpoint's config differs from that of the run; None if it does not.

    The number of epochs may differ, because a run may be extended.
    """
    if not isinstance(theirs, dict) or not (dict_in(theirs, "data") and dict_in(theirs, "trainer")):
        return "it has no config"
    differing = differences(theirs, ours)
    differing.pop("trainer.max_epochs", None)
    return f"in it, {in_words(differing)}" if differing else None


def weights_mismatch(theirs: Any, ours: Mapping[str, Tensor], size: int) -> str | None:
    """The first weight that does not fit; None if all do.

    Args:
        theirs: the checkpoint's `state_dict`.
        ours: the model's.
        size: of the file, in bytes. The weights must not be larger: an untrusted file may hold one number
            and declare a million copies of it.
    """
    if not isinstance(theirs, dict):
        return "it has no weights"
    for name in (*ours, *theirs):
        if name not in theirs or name not in ours:
            return f"it {'lacks' if name in ours else 'has'} {name}"
        shapes = [tuple(getattr(weights[name], "shape", ())) for weights in (theirs, ours)]
        if shapes[0] != shapes[1]:
            return f"{name} has the shape {shapes[0]}, expected {shapes[1]}"
    needed = sum(weight.numel() * weight.element_size() for weight in ours.values())
    return f"its weights have {needed:,} bytes, more than the file" if needed > size else None


def dict_in(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The dict under a key; empty if there is none."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}
