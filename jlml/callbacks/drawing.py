"""When pictures are drawn, what they are drawn from, and that drawing changes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import ceil
from typing import cast

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from jlml.callbacks.tensorboard import TensorBoard
from jlml.data import MNISTDataModule
from jlml.models import VAE, Autoencoder
from jlml.models.base import Codes, Images, at_rest
from jlml.plots import Picture

ENCODED_AT_ONCE = 500


class Scene:
    """A model at one step of its training, for all that is drawn of it: each image is encoded once."""

    def __init__(self, trainer: Trainer, model: Autoencoder) -> None:
        self.trainer = trainer
        self.model = model
        self.step = trainer.global_step
        self.boards = boards(trainer)
        self._data: MNISTDataModule = trainer.datamodule  # type: ignore[attr-defined]
        self._encoded: list[tuple[Codes, Codes | None]] = []

    @property
    def class_names(self) -> Sequence[str]:
        return self._data.class_names

    @property
    def when(self) -> str:
        """For titles: how far training has come."""
        epochs = self.trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
        return f"after {epochs} epoch{'' if epochs == 1 else 's'}"

    def show(self, tag: str, picture: Picture) -> None:
        """Hands a picture to every logger that takes pictures."""
        for board in self.boards:
            board.draw(tag, picture, self.step)

    def images(self, count: int) -> tuple[Images, Tensor]:
        """The same first ``count`` validation images and labels at every step, on the model's device."""
        images, labels = self._data.validation_batch(count)
        return images.to(self.model.device), labels

    def labels(self, count: int) -> Tensor:
        """Those of the images alone."""
        return self._data.validation_labels[:count]

    def codes(self, count: int) -> Codes:
        """The codes of the first ``count`` validation images."""
        return self.posterior(count)[0]

    def posterior(self, count: int) -> tuple[Codes, Codes | None]:
        """Mean and log variance of the codes of these images; no log variance where codes are points."""
        count = min(count, len(self._data.validation_labels))
        chunks = ceil(count / ENCODED_AT_ONCE)  # whole ones: no code depends on how many were asked for
        done = len(self._encoded)
        if chunks > done:
            images, _ = self.images(chunks * ENCODED_AT_ONCE)
            self._encoded += [self._encode(some) for some in images.split(ENCODED_AT_ONCE)[done:]]
        codes, log_variances = zip(*self._encoded[:chunks], strict=True)
        log_variance = None if log_variances[0] is None else torch.cat(log_variances)[:count]
        return torch.cat(codes)[:count], log_variance

    def _encode(self, images: Images) -> tuple[Codes, Codes | None]:
        model = self.model
        return model.posterior(images) if isinstance(model, VAE) else (model.encode(images), None)


class Drawing(ABC):
    """One kind of picture, or other record of the model as it is.

    Args:
        every: epochs between two drawings, from epoch 0 on; the end is always drawn. None for the end only.
    """

    for_boards = False  # whether it draws for TensorBoard alone, and rests where a run has none

    def __init__(self, every: int | None) -> None:
        self.every = every

    @abstractmethod
    def draw(self, scene: Scene) -> None:
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
        scene = Scene(trainer, cast(Autoencoder, model))
        for drawing in drawings:
            if self._last_step.get(drawing) != step and (scene.boards or not drawing.for_boards):
                self._last_step[drawing] = step
                with at_rest(model):
                    drawing.draw(scene)


def boards(trainer: Trainer) -> list[TensorBoard]:
    """The loggers that take pictures."""
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoard)]
