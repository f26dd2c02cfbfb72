"""When pictures are drawn, and that drawing changes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from jlml.callbacks.tensorboard import TensorBoard
from jlml.models import Autoencoder
from jlml.models.base import at_rest


class Drawing(ABC):
    """One kind of picture, or other record of the model as it is.

    Args:
        every: epochs between two drawings, from epoch 0 on; the end is always drawn. None for the end only.
    """

    def __init__(self, every: int | None) -> None:
        self.every = every

    @abstractmethod
    def draw(self, trainer: Trainer, model: Autoencoder) -> None:
        """Draws. The model is in evaluation mode, without gradients, on random numbers of its own."""


class Gallery(Callback):
    """Draws each of its drawings at epoch 0, every so many epochs, and at the end.

    One callback for all: Lightning spends some microseconds on every callback at every step.
    """

    def __init__(self, drawings: Sequence[Drawing]) -> None:
        self.drawings = drawings
        self._last_step: dict[Drawing, int] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0:  # and not where a run goes on
            self._draw(trainer, pl_module, [drawing for drawing in self.drawings if drawing.every])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs = trainer.current_epoch + 1
        due = [drawing for drawing in self.drawings if drawing.every and epochs % drawing.every == 0]
        self._draw(trainer, pl_module, due)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer, pl_module, self.drawings)

    def _draw(self, trainer: Trainer, model: LightningModule, drawings: Sequence[Drawing]) -> None:
        step = trainer.global_step
        if not trainer.is_global_zero:
            return  # one process of a run draws
        for drawing in drawings:
            if self._last_step.get(drawing) != step:
                self._last_step[drawing] = step
                with at_rest(model):
                    drawing.draw(trainer, cast(Autoencoder, model))


def boards(trainer: Trainer) -> list[TensorBoard]:
    """The loggers that take pictures."""
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoard)]


def validation_images(trainer: Trainer, model: LightningModule, count: int) -> tuple[Tensor, Tensor]:
    """The same first ``count`` validation images and labels at every call, on the model's device."""
    images, labels = trainer.datamodule.validation_batch(count)  # type: ignore[attr-defined]
    return images.to(model.device), labels


def when(trainer: Trainer) -> str:
    """For titles: how far training has come."""
    epochs = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
    return f"after {epochs} epoch{'' if epochs == 1 else 's'}"
