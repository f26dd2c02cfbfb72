"""Callbacks that measure training: the loss of each epoch, speed and heartbeat. `terminal` shows them."""

from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from jlml.files import is_number
from jlml.metrics.names import EPOCH_LOSS, EPOCH_SPEED
from jlml.runs.heartbeat import SECONDS, write_heartbeat


class Throughput(Callback):
    """Logs training images per second for each epoch, without validation and pictures."""

    def __init__(self) -> None:
        self.images = 0
        self.seconds = 0.0  # time of the training steps
        self.fit_seconds = 0.0  # time from the start of fit to its end
        self._fit_started = 0.0
        self._epoch_started = 0.0
        self._seen = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._fit_started = perf_counter() - self.fit_seconds  # a resumed run includes the time before

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_started = perf_counter()  # on_train_epoch_start is not called for a resumed epoch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_started = perf_counter()
        self._seen = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._seen += batch[0].shape[0]
        if not trainer.is_last_batch:
            return
        seconds = perf_counter() - self._epoch_started
        self.images += self._seen
        self.seconds += seconds
        report(trainer, EPOCH_SPEED, self._seen / seconds)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.fit_seconds = perf_counter() - self._fit_started

    def state_dict(self) -> dict[str, float]:
        fit_seconds = perf_counter() - self._fit_started
        return {"images": self.images, "seconds": self.seconds, "fit_seconds": fit_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.images, self.seconds = state_dict["images"], state_dict["seconds"]
        self.fit_seconds = state_dict["fit_seconds"]


class EpochLoss(Callback):
    """Logs the mean training loss over all images of each epoch, also of an epoch that was interrupted.

    The weights change during an epoch, so the validation loss at its end can be lower.
    """

    def __init__(self) -> None:
        self._losses: list[Tensor] = []  # means of batches since the start of the epoch, or since it resumed
        self._sizes: list[int] = []
        self._before = (0.0, 0)  # sum of the losses, and images, before the epoch was interrupted

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # not called for a resumed epoch
        self._losses, self._sizes, self._before = [], [], (0.0, 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not outputs:  # a model with manual optimization may return none
            return
        self._losses.append(outputs["loss"])  # no sum yet, which would wait for a GPU
        self._sizes.append(batch[0].shape[0])  # len() of a tensor takes a microsecond
        if not trainer.is_last_batch:
            return
        # the processes of a run have equal shares of the images
        ours = torch.tensor(self._sum(), dtype=torch.float64, device=trainer.strategy.root_device)
        loss, images = torch.as_tensor(trainer.strategy.reduce(ours, reduce_op="mean")).tolist()
        report(trainer, EPOCH_LOSS, loss / images)

    def _sum(self) -> tuple[float, float]:
        """The sum of the losses of the images since the start of the epoch, and their number."""
        loss, images = self._before
        if self._losses:
            sizes = torch.tensor(self._sizes, dtype=torch.float64)
            loss += float(torch.stack(self._losses).double().cpu() @ sizes)
        return loss, float(images + sum(self._sizes))

    def state_dict(self) -> dict[str, float]:
        """Empty between epochs, as in checkpoints of earlier versions."""
        loss, images = self._sum()
        return {"loss": loss, "images": images} if images else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        loss: Any = state_dict.get("loss")
        images: Any = state_dict.get("images")
        if is_number(loss) and is_number(images):  # it is only shown, so a damaged one does no harm
            self._before = (float(loss), max(0, int(images)))


def report(trainer: Trainer, name: str, value: float) -> None:
    """Logs a number of the epoch that ends, and makes it available to other callbacks."""
    trainer.callback_metrics[name] = torch.tensor(value)
    for logger in trainer.loggers:
        logger.log_metrics({name: value, "epoch": trainer.current_epoch}, trainer.global_step)


class Heartbeat(Callback):
    """Writes `progress.json` with epoch, step and time, every epoch and every ten seconds."""

    def __init__(self) -> None:
        self._last = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._beat(trainer)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if monotonic() - self._last > SECONDS:
            self._beat(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._beat(trainer)

    def _beat(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        self._last = monotonic()
        write_heartbeat(
            Path(trainer.default_root_dir), trainer.current_epoch, trainer.max_epochs, trainer.global_step
        )
