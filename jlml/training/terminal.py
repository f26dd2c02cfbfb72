"""Shows training in a terminal or a log file: a header, a line per epoch, and a bar for the current epoch."""

import os
import shutil
import sys
from time import monotonic
from typing import Any

from lightning import Callback, LightningModule, Trainer

from jlml.metrics import MONITOR
from jlml.metrics.names import EPOCH_LOSS, EPOCH_SPEED
from jlml.models import Autoencoder
from jlml.training.words import counted, duration

# heading, metric and format of each number of an epoch
COLUMNS = (
    ("train loss", EPOCH_LOSS, ".2f"),
    ("val loss", MONITOR, ".2f"),
    ("val mse", "val/mse", ".5f"),
    ("images/s", EPOCH_SPEED, ",.0f"),
)
WIDTH = 12  # characters per column, which gives lines of at most 79
ERASE = "\r\x1b[K"  # of terminals: to the start of the line, and clear it
REDRAWN_EVERY = 0.2  # seconds
BAR = 30  # characters


class EpochLines(Callback):
    """Prints a line per epoch that stays, and in a terminal a bar below them.

    Where the output is no terminal, it prints plain lines only. The bar asks the clock at every step, which
    takes a tenth of a microsecond, and redraws itself five times per second.
    """

    def __init__(self) -> None:
        self.has_bar = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._is_first = True  # rank zero, the only process that prints
        self._started = 0.0  # of the epochs in this process
        self._first_epoch = 0
        self._epoch_started = 0.0
        self._first_batch = 0
        self._drawn = 0.0
        self._is_training = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._is_first = trainer.is_global_zero
        self.has_bar = self.has_bar and self._is_first
        self._print(header(trainer, pl_module))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._is_training = True
        self._started = self._epoch_started = monotonic()
        self._first_epoch = trainer.current_epoch
        batches = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        self._first_batch = batches % int(trainer.num_training_batches)  # all of them after a complete epoch
        if trainer.global_step:
            begun = f", after {counted(self._first_batch, 'batch', 'batches')}" if self._first_batch else ""
            self._print(f"Resumed from epoch {self._first_epoch + 1}{begun}.")
        self._print(headings(trainer.max_epochs))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_started, self._first_batch = monotonic(), 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self.has_bar:
            return
        now = monotonic()
        if now - self._drawn > REDRAWN_EVERY:
            self._drawn = now
            self._draw(bar_of(trainer, batch_idx + 1, self._first_batch, now - self._epoch_started))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        done = trainer.current_epoch + 1 - self._first_epoch
        self._print(epoch_line(trainer, (monotonic() - self._started) / done))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_training:
            epochs = counted(trainer.current_epoch, "epoch")
            self._print(f"Already finished after {epochs}. To train for more, add trainer.max_epochs=N.")
        self._draw("Testing the best checkpoint")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._draw("")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw("")

    def _print(self, text: str) -> None:
        if self._is_first:
            print(f"{ERASE}{text}" if self.has_bar else text, flush=True)

    def _draw(self, text: str) -> None:
        """Replaces the last line. The cursor stays at its start, so that a message replaces the line too."""
        if self.has_bar:
            room = shutil.get_terminal_size().columns - 1
            print(f"{ERASE}{text[:room]}\r", end="", flush=True)


def header(trainer: Trainer, model: LightningModule) -> str:
    """What is trained on what, and where the results are."""
    weights = sum(weight.numel() for weight in model.parameters())
    kind = type(model).__name__
    name = f"{kind}, latent dim {model.latent_dim}" if isinstance(model, Autoencoder) else kind
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    counts = (len(data.train_labels), len(data.validation_labels), len(data.test_labels))
    names = ("training", "validation", "test")
    images = ", ".join(f"{count:,} {name}" for count, name in zip(counts, names, strict=True))
    return (
        f"Model       {name}, {counted(weights, 'parameter')}\n"
        f"Data        {data.source.name}: {images} images\n"
        f"Run folder  {trainer.default_root_dir}"
    )


def headings(epochs: int | None) -> str:
    """The headings above the lines of the epochs."""
    cells = [f"{heading:>{WIDTH}}" for heading, _, _ in COLUMNS]
    return f"{'epoch':>{epoch_width(epochs)}}{''.join(cells)}{'time left':>{WIDTH}}"


def epoch_line(trainer: Trainer, seconds: float) -> str:
    """The line of an epoch that ends.

    Args:
        trainer: trainer with the metrics of the epoch.
        seconds: mean time of an epoch so far, with its validation and pictures.
    """
    epochs, done = trainer.max_epochs, trainer.current_epoch + 1
    left = 0 if epochs is None or trainer.should_stop else epochs - done
    metrics = trainer.callback_metrics
    cells = [
        f"{float(metrics[name]):>{WIDTH}{format_}}" if name in metrics else f"{'-':>{WIDTH}}"
        for _, name, format_ in COLUMNS
    ]
    number = f"{done}/{epochs}"
    return f"{number:>{epoch_width(epochs)}}{''.join(cells)}{duration(seconds * left):>{WIDTH}}"


def epoch_width(epochs: int | None) -> int:
    """The width of the first column, for numbers such as 20/20."""
    return max(7, 2 * len(str(epochs)) + 1)


def bar_of(trainer: Trainer, done: int, first: int, seconds: float) -> str:
    """The bar of the current epoch.

    Args:
        trainer: trainer of the run.
        done: batches of the epoch so far.
        first: batches before the run was resumed.
        seconds: time since the epoch was started or resumed.
    """
    batches = int(trainer.num_training_batches)
    filled = BAR * done // max(1, batches)
    left = seconds / max(1, done - first) * (batches - done)
    number = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
    return (
        f"{number:>{epoch_width(trainer.max_epochs)}}  [{'=' * filled}{' ' * (BAR - filled)}]  "
        f"{done:,} of {counted(batches, 'batch', 'batches')}, {duration(left)} left"
    )
