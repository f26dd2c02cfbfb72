"""Compares the training state in a checkpoint with that of the run that resumes from it."""

from collections.abc import Iterable
from copy import deepcopy
from itertools import starmap
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor
from torch.optim import Optimizer

from jlml.errors import UserError
from jlml.files import is_number
from jlml.models import Autoencoder
from jlml.runs.checkpoint_file import read_checkpoint
from jlml.runs.matching import shape_mismatch

LARGEST = 2**53  # no number of steps, epochs or images is larger


def check_state(path: Path, model: Autoencoder, trainer: Trainer) -> None:
    """Refuses a training state that cannot be that of this run.

    Lightning and torch do not check it: with moments of another shape, an optimizer writes beyond its memory.

    Raises:
        UserError: with the first entry that does not fit.
    """
    callbacks = {callback.state_key: callback.state_dict() for callback in trainer.callbacks}  # type: ignore[attr-defined]
    expected = {
        "loops": {"fit_loop": trainer.fit_loop.state_dict()},
        "callbacks": {key: state for key, state in callbacks.items() if state},
        **states_after_a_step(deepcopy(model)),
    }
    content = read_checkpoint(path)
    flaw = first(mismatch(content[key], ours, key) for key, ours in expected.items())
    flaw = flaw or settings_mismatch(content["optimizer_states"], expected.get("optimizer_states", []))
    if flaw:
        raise UserError(f"{path} is not a checkpoint of this run: {flaw}.")


def states_after_a_step(model: Autoencoder) -> dict[str, Any]:
    """The states of the optimizer and the scheduler after a step without a gradient.

    Empty if they are unknown: for optimizers that need a gradient, and those of the user, which may change
    the structure of their state during training.
    """
    configured: Any = model.configure_optimizers()
    if isinstance(configured, Optimizer):
        configured = {"optimizer": configured}
    if not isinstance(configured, dict) or not type(configured["optimizer"]).__module__.startswith("torch."):
        return {}
    schedules = [configured["lr_scheduler"]["scheduler"]] if "lr_scheduler" in configured else []
    states: dict[str, Any] = {"lr_schedulers": [schedule.state_dict() for schedule in schedules]}
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    try:
        configured["optimizer"].step()
    except (TypeError, RuntimeError, AssertionError):
        return states
    return {**states, "optimizer_states": [configured["optimizer"].state_dict()]}


def settings_mismatch(theirs: list[Any], ours: list[Any]) -> str | None:
    """Describes a difference in the order of the weights or in a switch; None if there is none."""
    for state, expected in zip(theirs, ours, strict=False):  # the lengths were compared
        for group, expected_group in zip(state["param_groups"], expected["param_groups"], strict=True):
            for key, value in expected_group.items():
                if (key == "params" or isinstance(value, bool)) and group.get(key, value) != value:
                    return f"{key} in optimizer_states is not that of this run"
    return None


def mismatch(theirs: Any, ours: Any, place: str) -> str | None:
    """Describes the first entry of another kind or shape than expected; None if there is none.

    Further entries are allowed, and anything of the right kind where ours is empty, and any simple value
    where ours is None. Switches and empty entries may be missing, as in the files of other versions.
    """
    if isinstance(ours, Tensor):
        return tensor_mismatch(theirs, ours, place)
    if isinstance(ours, dict):
        if not isinstance(theirs, dict):
            return f"{place} is no dict"
        for key, value in ours.items():
            if key not in theirs and not isinstance(value, bool) and value not in ({}, [], None):
                return f"it has no {place}.{key}"
        return first(mismatch(theirs[key], ours[key], f"{place}.{key}") for key in ours if key in theirs)
    if isinstance(ours, (list, tuple)):
        if not isinstance(theirs, (list, tuple)):
            return f"{place} is no list"
        if not ours or isinstance(ours[0], Tensor):  # one per GPU of the machine
            return None
        if len(theirs) != len(ours):
            return f"{place} has {len(theirs)} entries, expected {len(ours)}"
        pairs = zip(theirs, ours, (f"{place}[{index}]" for index in range(len(ours))), strict=True)
        return first(starmap(mismatch, pairs))
    return None if is_like(theirs, ours) else f"{place} is not valid"


def is_like(theirs: Any, ours: float | str | None) -> bool:
    """Whether a simple value can stand where ours stands."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or isinstance(ours, str):
        return ours is None or type(theirs) is type(ours)
    if isinstance(ours, int):
        return isinstance(theirs, int) and 0 <= theirs <= LARGEST
    if isinstance(ours, float):
        return is_number(theirs) or theirs == ours  # infinity is the best score before the first
    return not isinstance(theirs, (dict, list, tuple))


def tensor_mismatch(theirs: Any, ours: Tensor, place: str) -> str | None:
    """Describes how an entry differs from a tensor in kind, shape or type; None if only its numbers do."""
    if not isinstance(theirs, Tensor) or theirs.layout != torch.strided or not theirs.is_contiguous():
        return f"{place} is no dense tensor"
    is_score = ours.ndim == 0 and ours.is_floating_point() and theirs.is_floating_point()
    if theirs.dtype != ours.dtype and not is_score:
        return f"{place} has the type {theirs.dtype}, expected {ours.dtype}"
    return shape_mismatch(theirs, ours, place)


def first(flaws: Iterable[str | None]) -> str | None:
    """The first flaw, if any."""
    return next((flaw for flaw in flaws if flaw is not None), None)
