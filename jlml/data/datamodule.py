"""The data module of a run: loads, splits and batches images in memory."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

from lightning import LightningDataModule
from torch import Tensor

from jlml.data.batches import (
    SPLIT,
    TEST,
    TRAINING_ONCE,
    VALIDATION,
    Batch,
    EvaluationBatches,
    TrainingBatches,
    generator_for,
    to_float,
)
from jlml.data.mnist import DEFAULT_ROOT, NAMES, load
from jlml.data.pixels import TREATMENTS, fit_to
from jlml.data.source import Source
from jlml.data.split import Split
from jlml.errors import UserError, did_you_mean
from jlml.shapes import Images


class ImageDataModule(LightningDataModule, ABC):
    """Training, validation and test batches of (images in [0, 1], labels).

    The validation split is drawn from the training images, stratified by class: 5,000 images, or a tenth of
    a small data set. If the data set has no test set, another tenth becomes the test set.

    To add a data set, derive from this class and define `read`.

    Args:
        seed: seed of the split, the order and the random pixels.
        batch_size: training images per batch; the last batch of an epoch may be smaller.
        eval_batch_size: validation or test images per batch.
        image_size: pixels per side; None keeps the original size.
        fit: how to reach ``image_size``: `pad` or `resize`.
        pixels: `grey`, `dequantized` or `binarized`, see `jlml.data.pixels`. Random pixels are drawn in every
            training epoch, and once for validation and test.
        subset: number of training images, and the maximum for validation and for test; None for all.
    """

    source: Source  # set by `setup`

    def __init__(
        self,
        seed: int = 0,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        image_size: int | None = None,
        fit: str = "pad",
        pixels: str = "grey",
        subset: int | None = None,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.image_size = image_size
        self.fit = fit
        self.pixels = pixels
        self.subset = subset

    @abstractmethod
    def read(self) -> Source:
        """Reads the data set as it is stored."""

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits and resizes the images. Does nothing if called again."""
        if hasattr(self, "source"):
            return
        self.source = source = self.read()
        generator = generator_for(self.seed, SPLIT)
        train = Split(source.images, source.labels, source.factors)
        if source.test_images is not None and source.test_labels is not None:
            test = Split(source.test_images, source.test_labels, source.test_factors)
        else:
            train, test = train.split_off(len(train) // 10, generator)
        # in a small data set, the validation split is as large as the test set
        train, validation = train.split_off(5_000 if len(train) > 10_000 else len(test), generator)
        if self.subset is not None:
            if self.subset > len(train):
                raise UserError(
                    f"data.subset={self.subset} is invalid: {source.name} has {len(train)} training images. "
                    f"Use at most {len(train)}, or null for all."
                )
            train, validation, test = (
                split.at_most(self.subset, generator) for split in (train, validation, test)
            )
        self.train_images, self.train_labels = self._shape(train.images), train.labels
        self.validation_images = self._draw_once(self._shape(validation.images), VALIDATION)
        self.test_images = self._draw_once(self._shape(test.images), TEST)
        self.validation_labels, self.test_labels = validation.labels, test.labels
        self.train_factors, self.validation_factors, self.test_factors = (
            split.factors for split in (train, validation, test)
        )

    def _shape(self, images: Tensor) -> Tensor:
        return images if self.image_size is None else fit_to(images, self.image_size, self.fit)

    def _draw_once(self, images: Tensor, purpose: int) -> Tensor:
        """Keeps grey images as bytes. Draws random pixels once, so that every epoch sees the same ones."""
        if self.pixels == "grey":
            return images
        return TREATMENTS[self.pixels](images, generator_for(self.seed, purpose))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the images in a batch. Available after `setup`."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names by label. Available after `setup`."""
        return self.source.class_names

    def train_dataloader(self) -> TrainingBatches:
        tensors = self._on_device(self.train_images, self.train_labels)
        return TrainingBatches(
            *tensors, self.batch_size, self.pixels, self.seed, self._epoch, self._batches_done
        )

    def val_dataloader(self) -> EvaluationBatches:
        tensors = self._on_device(self.validation_images, self.validation_labels)
        return EvaluationBatches(*tensors, self.eval_batch_size)

    def test_dataloader(self) -> EvaluationBatches:
        tensors = self._on_device(self.test_images, self.test_labels)
        return EvaluationBatches(*tensors, self.eval_batch_size)

    def _on_device(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Moves a whole split to the training device once, so that no batch needs a transfer."""
        device = self.trainer.strategy.root_device if self.trainer is not None else images.device
        return images.to(device), labels.to(device)

    def training_images_once(self) -> Tensor:
        """The training images for an evaluation, in stored order, with random pixels drawn once.

        uint8, or float32 if the pixels are random draws.
        """
        return self._draw_once(self.train_images, TRAINING_ONCE)

    def first_training_images(self, count: int) -> Images:
        """The first ``count`` training images as floats, with the same pixels in every call."""
        return to_float(self._draw_once(self.train_images[:count], TRAINING_ONCE))

    def validation_batch(self, count: int) -> Batch:
        """The first ``count`` validation images and their labels, the same in every call."""
        return to_float(self.validation_images[:count]), self.validation_labels[:count]

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0

    def _batches_done(self) -> int:
        loop = self.trainer.fit_loop.epoch_loop if self.trainer is not None else None
        return loop.batch_progress.current.ready if loop is not None and loop.restarting else 0


class MNISTDataModule(ImageDataModule):
    """MNIST, Fashion-MNIST, or 5,000 images of MNIST that need no download.

    Args:
        name: `mnist`, `mnist_5k` or `fashion_mnist`. After `setup`, ``source.name`` is the data set in use.
        root: folder with `MNIST/raw` or `FashionMNIST/raw`; downloads go there. None for the folder in the
            environment variable JLML_DATA or, if that is not set, `data`.
        fallback: use `mnist_5k` if full MNIST is not on disk and cannot be downloaded. None allows it only
            for the root `data`: a folder that the user names is never replaced.
        seed: see `ImageDataModule`.
        batch_size: see `ImageDataModule`.
        eval_batch_size: see `ImageDataModule`.
        image_size: see `ImageDataModule`.
        fit: see `ImageDataModule`.
        pixels: see `ImageDataModule`.
        subset: see `ImageDataModule`.
    """

    def __init__(
        self,
        name: str = "mnist",
        root: str | None = None,
        fallback: bool | None = False,
        seed: int = 0,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        image_size: int | None = None,
        fit: str = "pad",
        pixels: str = "grey",
        subset: int | None = None,
    ) -> None:
        super().__init__(seed, batch_size, eval_batch_size, image_size, fit, pixels, subset)
        if name not in NAMES:
            hint = did_you_mean(name, NAMES)
            raise UserError(f"data.name={name} is invalid.{hint} Choose one of: {', '.join(NAMES)}.")
        if fallback and name != "mnist":
            raise UserError(f"data.fallback=true is invalid for {name}: it only works with data=mnist.")
        self.dataset = name
        self.root = Path(root or os.environ.get("JLML_DATA") or DEFAULT_ROOT)
        if fallback is None:
            fallback = name == "mnist" and self.root == Path(DEFAULT_ROOT)
        self.fallback = fallback

    def read(self) -> Source:
        return load(self.dataset, self.root, self.fallback)
