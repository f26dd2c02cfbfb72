"""Stops training when a loss or a weight is infinite or NaN."""

from math import isfinite
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from jlml.errors import DivergedError

ADVICE = "Try a lower optimizer.lr, or gradient clipping: trainer.gradient_clip_val=100."


class StopWhenDiverged(Callback):
    """Raises a DivergedError if a training or validation loss is not finite.

    Training losses are checked only when metrics are logged, because each check synchronises with the GPU.
    """

    def __init__(self) -> None:
        self._losses: list[Tensor] = []  # since the last check

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not outputs:  # a model with manual optimization may return none; validation checks its loss
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
    """The error for a split that diverged, with the step and the split's latest metrics."""
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
