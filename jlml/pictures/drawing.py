"""Draws pictures during training, without changing the training."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Literal, cast

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from torch import Tensor

from jlml.data import ImageDataModule
from jlml.losses import ObservationModel
from jlml.models import VAE, Autoencoder
from jlml.pictures.figures import Picture
from jlml.shapes import Codes, Images

ENCODED_AT_ONCE = 500


class PictureLogger(Logger):
    """A logger that may take pictures and codes. `Guarded` in `jlml.loggers` makes one of any logger."""

    @abstractmethod
    def can(self, method: str) -> bool:
        """Whether it takes pictures (`draw`) or codes (`project`)."""

    @abstractmethod
    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Logs a picture."""

    @abstractmethod
    def project(self, codes: Codes, images: Images, labels: Sequence[str], step: int) -> None:
        """Logs codes, each with its image and its label."""


class DrawingContext:
    """A model at one training step, for all pictures of this step. Encodes each validation image once."""

    def __init__(self, trainer: Trainer, model: Autoencoder) -> None:
        self.trainer = trainer
        self.model = model
        self.step = trainer.global_step
        self._data: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        self._encoded: list[tuple[Codes, Codes | None]] = []

    @property
    def class_names(self) -> Sequence[str]:
        return self._data.class_names

    @property
    def when(self) -> str:
        """The number of epochs so far, for titles."""
        epochs = self.trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
        return f"after {epochs} epoch{'' if epochs == 1 else 's'}"

    def show(self, tag: str, picture: Picture) -> None:
        """Passes a picture to every logger that shows pictures."""
        for logger in self.loggers("draw"):
            logger.draw(tag, picture, self.step)

    def loggers(self, method: str) -> list["PictureLogger"]:
        """The loggers with an optional method, `draw` or `project`."""
        found = (logger for logger in self.trainer.loggers if isinstance(logger, PictureLogger))
        return [logger for logger in found if logger.can(method)]

    def images(self, count: int) -> tuple[Images, Tensor]:
        """The first ``count`` validation images, on the model's device, and their labels."""
        images, labels = self._data.validation_batch(count)
        return images.to(self.model.device), labels

    def labels(self, count: int) -> Tensor:
        """The labels of the first ``count`` validation images."""
        return self._data.validation_labels[:count]

    def codes(self, count: int) -> Codes:
        """The codes of the first ``count`` validation images."""
        return self.posterior(count)[0]

    def posterior(self, count: int) -> tuple[Codes, Codes | None]:
        """Mean and log variance of the codes; the log variance is None for a deterministic encoder."""
        count = min(count, len(self._data.validation_labels))
        chunks = ceil(count / ENCODED_AT_ONCE)  # full chunks, so that a code does not depend on ``count``
        done = len(self._encoded)
        if chunks > done:
            images, _ = self.images(chunks * ENCODED_AT_ONCE)
            self._encoded += [self._encode(some) for some in images.split(ENCODED_AT_ONCE)[done:]]
        codes, log_variances = zip(*self._encoded[:chunks], strict=True)
        log_variance = None if log_variances[0] is None else torch.cat(log_variances)[:count]
        return torch.cat(codes)[:count], log_variance

    def shown(self, codes: Codes) -> Images:
        """The decoded codes as the picture that stands for the observation model: the mean, or lambda."""
        return self.model.loss.picture(self.model.decoder(codes))

    @property
    def reading(self) -> str:
        """For titles: how pixels are shown, if not as their mean."""
        return reading_of(self.model.loss)

    def _encode(self, images: Images) -> tuple[Codes, Codes | None]:
        model = self.model
        return model.posterior(images) if isinstance(model, VAE) else (model.encode(images), None)


Every = int | Literal["auto"] | None


class Drawing(ABC):
    """One kind of picture, or another record of the model at a training step.

    Args:
        every: epochs between two drawings, starting at epoch 0; ``auto`` for epochs 0, 1, 2, 3, 5, 10, 20,
            50, 100, ..., because a model changes most at first; None for the end only. The end of training
            is always drawn.
    """

    # skipped in a run without a logger that shows pictures (draw) or codes (project); None: never
    needs: Literal["draw", "project"] | None = None

    def __init__(self, every: Every) -> None:
        self.every = every

    def is_due(self, epochs: int) -> bool:
        """Whether to draw after this number of epochs."""
        if self.every == "auto":
            return epochs == 3 or re.fullmatch("0|[125]0*", str(epochs)) is not None
        return self.every is not None and epochs % self.every == 0

    @abstractmethod
    def draw(self, context: DrawingContext) -> None:
        """Draws the model. It is in eval mode, without gradients, and random draws do not affect training."""


class PictureCallback(Callback):
    """Lightning callback that draws each `Drawing` at epoch 0, at its interval, and at the end of training.

    The drawings of a step share one context, so that each image is encoded once.
    """

    def __init__(self, drawings: Sequence[Drawing]) -> None:
        self.drawings = drawings
        self._last_step: dict[Drawing, int] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0:  # not in a resumed run
            self._draw(trainer, pl_module, [drawing for drawing in self.drawings if drawing.is_due(0)])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs = trainer.current_epoch + 1
        self._draw(trainer, pl_module, [drawing for drawing in self.drawings if drawing.is_due(epochs)])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer, pl_module, self.drawings)

    def _draw(self, trainer: Trainer, model: LightningModule, drawings: Sequence[Drawing]) -> None:
        step = trainer.global_step
        if not trainer.is_global_zero:
            return  # only rank zero draws
        context = DrawingContext(trainer, cast(Autoencoder, model))
        for drawing in drawings:
            is_shown = drawing.needs is None or context.loggers(drawing.needs)
            if is_shown and self._last_step.get(drawing) != step:
                self._last_step[drawing] = step
                with eval_mode(model):
                    drawing.draw(context)


@contextmanager
def eval_mode(model: LightningModule) -> Iterator[None]:
    """Eval mode, without gradients and with a fixed seed. Restores the mode and the random state."""
    was_training = model.training
    model.eval()
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.no_grad(), torch.random.fork_rng(devices):
            torch.manual_seed(0)
            yield
    finally:
        model.train(was_training)


def reading_of(loss: ObservationModel) -> str:
    """For titles: how pixels are shown, if not as their mean, for example `` (lambda)``."""
    return "" if loss.shown == "mean" else f" ({loss.shown})"
