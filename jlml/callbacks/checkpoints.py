"""The two checkpoints of a run, and what it takes to go on from the last one as if nothing had happened."""

import io
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint

from jlml.callbacks.drawing import boards
from jlml.checkpoints import read_checkpoint
from jlml.config import command, trust_needed, word
from jlml.files import write_whole
from jlml.metrics import MONITOR
from jlml.models import Autoencoder

ENDING = (signal.SIGTERM, signal.SIGINT)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the old one and renames it: whoever is killed meanwhile loses neither.

    Reads only those that are whole, tensors and plain containers only, whatever the defaults of torch and
    Lightning: no pickled code.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_whole(Path(path), content.getbuffer())

    def load_checkpoint(self, path: _PATH, *_: Any, **__: Any) -> dict[str, Any]:
        return read_checkpoint(Path(path))


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`: the weights of the lowest validation loss so far, and nothing that only training needs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, "best", monitor=MONITOR, save_weights_only=True, enable_version_counter=False
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The best so far is that of the folder at hand: the run may have moved since."""
        assert self.dirpath is not None
        if state_dict["best_model_score"] is None:
            return  # cut off before the first validation
        best = str(Path(self.dirpath) / "best.ckpt")
        moved = {"dirpath": self.dirpath, "best_model_path": best, "kth_best_model_path": best}
        scores = dict.fromkeys([best], state_dict["best_model_score"])
        super().load_state_dict({**state_dict, **moved, "best_k_models": scores})


class Patience(EarlyStopping):
    """Ends training where the validation loss has not fallen for so many epochs, also where it goes on.

    Lightning would ask only after another epoch: a run that was cut off after its end would go past it.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__(MONITOR, patience=epochs)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = self.wait_count >= self.patience


class LastCheckpoint(Checkpoint):
    """`last.ckpt`: everything that training needs to go on, at any step, as if it had never stopped.

    Written when an epoch is over, every so many steps or minutes within one, and at once when SIGTERM or
    Ctrl-C ask the run to end. Always as the next epoch or batch starts: at their end Lightning has not yet
    stepped the scheduler, or counted the batch, and a run that goes on from there would be behind for good.

    Args:
        folder: of the checkpoints.
        steps: at least so many between two checkpoints within an epoch, up to the end of a stretch of
            batches; None for none.
        minutes: the same by the clock, where one process trains.
    """

    def __init__(self, folder: Path, steps: int | None = None, minutes: float | None = None) -> None:
        self.path = folder / "last.ckpt"
        self.steps = steps
        self.minutes = minutes
        self._random_numbers: dict[str, Any] | None = None  # as they were, until training goes on
        self._asked_to_end = ""  # the name of the signal
        self._trust: Sequence[str] = ()  # the word that a resume needs, if any
        self._handlers: dict[signal.Signals, Any] = {}  # as they were before training
        self._written = time.monotonic()
        self._written_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()  # Python lets no other do this
        if in_main_thread and trainer.world_size == 1:  # several processes would have to agree when to save
            # here: Lightning sets its own just before
            self._handlers = {name: signal.signal(name, self._end_soon) for name in ENDING}
        self._written_step = trainer.global_step
        self._trust = trust_needed(cast(Autoencoder, pl_module).config)
        if self._random_numbers is not None:
            restore_random_numbers(self._random_numbers)
            self._random_numbers = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch > 0:
            self._write(trainer, trainer.fit_loop.epoch_progress)
        self._end_if_asked()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx > 0 and (self._asked_to_end or self._is_due(trainer)):
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
        if self.minutes is None or trainer.world_size > 1:  # the clocks of several processes differ
            return False
        return time.monotonic() - self._written > 60 * self.minutes

    def _write(self, trainer: Trainer, progress: Any) -> None:
        for board in boards(trainer):
            board.finalize("")  # what was logged before a checkpoint is not logged again after it
        with not_begun(progress):
            trainer.save_checkpoint(self.path)
        self._written, self._written_step = time.monotonic(), trainer.global_step

    def _end_soon(self, number: int, frame: Any) -> None:
        if self._asked_to_end:
            sys.exit(f"Ended at once, as asked twice. Go on with: {self.command}")
        self._asked_to_end = signal.Signals(number).name

    def _end_if_asked(self) -> None:
        if self._asked_to_end:
            sys.exit(f"Ended by {self._asked_to_end}, all saved. Go on with: {self.command}")

    @property
    def command(self) -> str:
        """What goes on with the run."""
        return command("train.py", word("resume", str(self.path.parent.parent)), *self._trust)

    def state_dict(self) -> dict[str, Any]:
        return random_numbers()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._random_numbers = state_dict


@contextmanager
def not_begun(progress: Any) -> Iterator[None]:
    """The epoch or batch at hand does not count inside: else Lightning would take it for cut off, and go
    past it."""
    for counts in (progress.total, progress.current):
        counts.ready -= 1
    try:
        yield
    finally:
        for counts in (progress.total, progress.current):
            counts.ready += 1


def random_numbers() -> dict[str, Any]:
    """The state of torch's generators, whose draws are the noise of training."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "gpus": gpus}


def restore_random_numbers(state: dict[str, Any]) -> None:
    """Sets torch's generators to a state that `random_numbers` has returned."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["gpus"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["gpus"])
