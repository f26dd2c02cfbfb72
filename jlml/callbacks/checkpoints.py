"""The two checkpoints of a run, and what it takes to go on from the last one as if nothing had happened."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from jlml.files import write_whole
from jlml.metrics import MONITOR


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the old one and renames it: whoever is killed meanwhile loses neither."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_whole(Path(path), content.getbuffer())


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`: the weights of the lowest validation loss so far."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "best", monitor=MONITOR, enable_version_counter=False)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The best so far is that of the folder at hand: the run may have moved since."""
        assert self.dirpath is not None
        best = str(Path(self.dirpath) / "best.ckpt")
        moved = {"dirpath": self.dirpath, "best_model_path": best, "kth_best_model_path": best}
        scores = dict.fromkeys([best], state_dict["best_model_score"])
        super().load_state_dict({**state_dict, **moved, "best_k_models": scores})


class LastCheckpoint(Checkpoint):
    """`last.ckpt`: everything that training needs to go on, written when an epoch is over.

    Written as the next epoch starts: at the end of an epoch Lightning has not yet stepped the scheduler
    when it calls its callbacks, and a run that goes on from there would be a step behind for good.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "last.ckpt"
        self._random_numbers: dict[str, Any] | None = None  # as they were, until training goes on

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._random_numbers is not None:
            restore_random_numbers(self._random_numbers)
            self._random_numbers = None
        elif trainer.current_epoch > 0:
            with not_begun(trainer):
                trainer.save_checkpoint(self.path)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.save_checkpoint(self.path)

    def state_dict(self) -> dict[str, Any]:
        return random_numbers()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._random_numbers = state_dict


@contextmanager
def not_begun(trainer: Trainer) -> Iterator[None]:
    """The epoch at hand does not count inside: else Lightning would take it for cut off, and go past it."""
    progress = trainer.fit_loop.epoch_progress
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
