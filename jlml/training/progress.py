"""Callbacks that measure and report training progress: speed, heartbeat and progress bar."""

import sys
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

from jlml.metrics import MONITOR
from jlml.metrics.names import EPOCH_SPEED
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
        self._seen += len(batch[0])
        if not trainer.is_last_batch:
            return
        seconds = perf_counter() - self._epoch_started
        self.images += self._seen
        self.seconds += seconds
        for logger in trainer.loggers:
            logger.log_metrics({EPOCH_SPEED: self._seen / seconds}, trainer.global_step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.fit_seconds = perf_counter() - self._fit_started

    def state_dict(self) -> dict[str, float]:
        fit_seconds = perf_counter() - self._fit_started
        return {"images": self.images, "seconds": self.seconds, "fit_seconds": fit_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.images, self.seconds = state_dict["images"], state_dict["seconds"]
        self.fit_seconds = state_dict["fit_seconds"]


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


class ProgressBar(TQDMProgressBar):
    """A bar for the current epoch, redrawn every 96 steps. Without a terminal, one line per epoch."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=96 if sys.stdout.isatty() else 0)

    def init_train_tqdm(self) -> Tqdm:
        bar = super().init_train_tqdm()
        bar.bar_format = "{desc} {bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
        return bar

    def init_validation_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def init_test_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer, *_)
        self.train_progress_bar.set_description(f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if not self.is_enabled and trainer.is_global_zero:
            numbers = [f"{name} {value}" for name, value in self.get_metrics(trainer, pl_module).items()]
            print(f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", *numbers, flush=True)

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        loss = trainer.callback_metrics.get(MONITOR)
        return {} if loss is None else {MONITOR: f"{float(loss):.2f}"}
