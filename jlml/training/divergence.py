"""Training ends where numbers end: at a loss that is infinite or not a number."""

from math import isfinite
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from jlml.errors import DivergedError

ADVICE = "Try a lower optimizer.lr, or a limit on the gradient, trainer.gradient_clip_val=100."


class StopWhenDiverged(Callback):
    """Raises a DivergedError if a training or validation loss is not finite.

    Training losses are looked at whenever a point of the curves is due, because a look waits for a GPU.
    """

    def __init__(self) -> None:
        self._losses: list[Tensor] = []  # since the last look

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not outputs:  # of a model that takes its optimizer steps itself: validation will tell
            return
        self._losses.append(outputs["loss"])
        if not trainer.is_last_batch and (batch_idx + 1) % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        finite = torch.stack(self._losses).isfinite()
        if not finite.all():
            first = len(finite) - int(finite.int().argmin())  # steps ago, counted from 1
            raise diverged(trainer, "train", trainer.global_step - first)
        self._losses.clear()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not all(isfinite(value) for value in values_of(trainer, "val").values()):
            raise diverged(trainer, "val", trainer.global_step)


def diverged(trainer: Trainer, split: str, step: int) -> DivergedError:
    """An error with the step and the latest numbers of a split."""
    shown = ", ".join(f"{name} {value:.4g}" for name, value in values_of(trainer, split).items())
    return DivergedError(f"Training has diverged at step {step}: {shown}. {ADVICE}")


def values_of(trainer: Trainer, split: str) -> dict[str, float]:
    """The latest metrics of a split."""
    metrics = trainer.callback_metrics.items()
    return {name: float(value) for name, value in metrics if name.startswith(f"{split}/")}


def check_weights(state_dict: dict[str, Tensor], step: int) -> None:
    """Raises a DivergedError if a weight is not finite."""
    for name, weight in state_dict.items():
        if not weight.isfinite().all():
            raise DivergedError(f"Training has diverged by step {step}: {name} is not finite. {ADVICE}")
