"""The checkpoints of a run: the best one, the last one to resume from exactly, and those along training."""

import io
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint

from jlml.config import Config
from jlml.errors import Stopped, UserError, first_line
from jlml.files import write_atomically
from jlml.metrics import MONITOR
from jlml.runs import Run, resume_command
from jlml.runs.checkpoint_file import read_checkpoint
from jlml.training.divergence import check_weights

SIGNALS = [signal.SIGTERM, signal.SIGINT]
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
    SIGNALS.append(signal.SIGHUP)


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically, so that a killed process does not lose the old one.

    Every checkpoint contains the config that rebuilds its model. A checkpoint whose weights are not finite
    does not replace a good one. Loading accepts only intact files of tensors and plain containers, never
    pickled code, whatever the defaults of torch and Lightning.

    Args:
        config: config of the run.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        check_weights(checkpoint["state_dict"], checkpoint["global_step"])
        content = io.BytesIO()
        torch.save({**checkpoint, "config": self.config}, content)
        Path(path).parent.mkdir(exist_ok=True)  # not the run folder, which may have been moved
        with content.getbuffer() as view:  # released before the buffer is closed, even if writing fails
            write_atomically(Path(path), view)

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        return read_checkpoint(Path(path))


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`: the weights with the lowest validation loss so far, without the training state."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, "best", monitor=MONITOR, save_weights_only=True, enable_version_counter=False
        )

    def on_train_batch_end(self, *_: Any) -> None:
        """Does nothing: it saves after validation only. Lightning's method checks more at every batch."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the best score, with the paths of this folder in case the run was moved."""
        assert self.dirpath is not None
        if state_dict["best_model_score"] is None:
            return  # interrupted before the first validation
        best = str(Path(self.dirpath) / "best.ckpt")
        moved = {"dirpath": self.dirpath, "best_model_path": best, "kth_best_model_path": best}
        scores = dict.fromkeys([best], state_dict["best_model_score"])
        super().load_state_dict({**state_dict, **moved, "best_k_models": scores})


class EpochCheckpoints(Checkpoint):
    """`epoch_0000.ckpt` and so on: the weights before training and after every few epochs.

    A file is written at the end of its epoch, before `last.ckpt`. So a resumed run has all files up to where
    it starts. Later ones are removed, because training writes them again.

    Args:
        run: run folder to write to.
        every: epochs between two checkpoints.
    """

    def __init__(self, run: Run, every: int) -> None:
        self.run = run
        self.every = every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            for epochs, path in self.run.kept_epochs().items():
                if epochs > trainer.current_epoch:
                    path.unlink()
        if trainer.global_step == 0:
            self._save(trainer, 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs = trainer.current_epoch + 1
        if epochs % self.every == 0:
            self._save(trainer, epochs)

    def _save(self, trainer: Trainer, epochs: int) -> None:
        trainer.save_checkpoint(self.run.epoch_checkpoint(epochs), weights_only=True)


class Patience(EarlyStopping):
    """Stops training when the validation loss has not improved for a number of epochs.

    It also checks at the start of a resumed run. Lightning checks only after the next epoch, so a run that
    was interrupted after its last epoch would train one epoch too many.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__(MONITOR, patience=epochs)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = self.wait_count >= self.patience


class LastCheckpoint(Checkpoint):
    """`last.ckpt`: the complete state of training, to resume at any step as if it had never stopped.

    Written after every epoch, every few steps or minutes within an epoch, and when SIGTERM, SIGHUP or Ctrl-C
    stops the run. The file is written when the next epoch or batch starts: at the end of an epoch Lightning
    has not yet stepped a plateau scheduler, and a resumed run would miss that step.

    Args:
        folder: folder of the checkpoints.
        config: config of the run, for the command that resumes it.
        steps: steps between two checkpoints within an epoch; None for none.
        minutes: minutes between two checkpoints within an epoch, in a run with one process; None for none.
    """

    def __init__(
        self, folder: Path, config: Config, steps: int | None = None, minutes: float | None = None
    ) -> None:
        self.path = folder / "last.ckpt"
        self.command = resume_command(folder.parent, config)
        self.steps = steps
        self.minutes = minutes
        self._random_state: dict[str, Any] | None = None  # restored when training starts
        self._signal: signal.Signals | None = None  # stops the run
        self._handlers: dict[signal.Signals, Any] = {}  # the handlers before training
        self._written = time.monotonic()
        self._written_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Python sets signal handlers only in the main thread
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and trainer.world_size == 1:  # several processes would have to agree when to save
            # not earlier, because Lightning has just set its own handlers
            self._handlers = {name: signal.signal(name, self._end_soon) for name in SIGNALS}
        self._written_step = trainer.global_step
        if self._random_state is not None and trainer.is_global_zero:  # saved by rank zero
            restore_random_state(self._random_state)
        self._random_state = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch > 0:
            self._write(trainer, trainer.fit_loop.epoch_progress)
        self._end_if_asked()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.fit_loop.restarting:  # while this is set, Lightning does not step a plateau scheduler
            trainer.fit_loop.restarting = False
        if batch_idx > 0 and (self._signal is not None or self._is_due(trainer)):
            self._write(trainer, trainer.fit_loop.epoch_loop.batch_progress)
        self._end_if_asked()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.save_checkpoint(self.path)
        self._end_if_asked()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for name, handler in self._handlers.items():
            signal.signal(name, handler)
        self._handlers = {}

    def _is_due(self, trainer: Trainer) -> bool:
        if self.steps is not None and trainer.global_step - self._written_step >= self.steps:
            return True
        if self.minutes is None or trainer.world_size > 1:  # clocks differ between processes
            return False
        return time.monotonic() - self._written > 60 * self.minutes

    def _write(self, trainer: Trainer, progress: Any) -> None:
        for logger in trainer.loggers:
            logger.finalize("")  # flush: a resumed run does not log the steps before the checkpoint again
        with not_begun(progress):
            trainer.save_checkpoint(self.path)
        self._written, self._written_step = time.monotonic(), trainer.global_step

    def _end_soon(self, number: int, frame: Any) -> None:
        if self._signal is not None:
            message = f"Stopped at the second signal, without saving. Resume with: {self.command}"
            raise Stopped(message, number)
        self._signal = signal.Signals(number)

    def _end_if_asked(self) -> None:
        if self._signal is not None:
            message = f"Stopped by {self._signal.name}, everything is saved. Resume with: {self.command}"
            raise Stopped(message, self._signal)

    def state_dict(self) -> dict[str, Any]:
        return random_state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._random_state = state_dict


@contextmanager
def not_begun(progress: Any) -> Iterator[None]:
    """Counts the current epoch or batch as not started. Otherwise a resumed run would skip it."""
    for counts in (progress.total, progress.current):
        counts.ready -= 1
    try:
        yield
    finally:
        for counts in (progress.total, progress.current):
            counts.ready += 1


def random_state() -> dict[str, Any]:
    """The state of torch's global generators, the source of the training noise."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "gpus": gpus}


def restore_random_state(state: dict[str, Any]) -> None:
    """Sets torch's generators to a state from `random_state`."""
    try:
        torch.set_rng_state(state["cpu"])
    except RuntimeError as error:
        raise UserError(f"The random state in last.ckpt is not valid: {first_line(error)}.") from error
    if torch.cuda.is_available() and len(state["gpus"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["gpus"])
