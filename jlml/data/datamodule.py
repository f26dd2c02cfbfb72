"""The data module of a run: loads, splits and batches images in memory."""

from abc import ABC, abstractmethod

import torch
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
from jlml.data.pixels import TREATMENTS, fit_to
from jlml.data.source import Source
from jlml.data.split import Split
from jlml.errors import UserError
from jlml.shapes import Images


class ImageDataModule(LightningDataModule, ABC):
    """Training, validation and test batches of (images in [0, 1], labels).

    The validation split is drawn from the training images, stratified by class: 5,000 images, or a tenth of
    a small data set. If the data set has no test set, another tenth becomes the test set.

    To add a data set, derive from this class and define `read`.

    Args:
        name: name of the data set in tables and run folders; None for the one that `read` gives it.
        seed: seed of the split, the order and the random pixels.
        batch_size: training images per batch; the last batch of an epoch may be smaller.
        eval_batch_size: validation or test images per batch.
        image_size: pixels per side; None keeps the original size.
        fit: how to reach ``image_size``: `pad`, `crop` or `resize`, see `jlml.data.pixels.fit_to`.
        pixels: `grey`, `dequantized` or `binarized`, see `jlml.data.pixels`. Random pixels are drawn in every
            training epoch, and once for validation and test.
        validation_size: number of validation images, or their fraction of the training images.
        test_size: number of test images, or their fraction, for data without a test set of their own.
        subset: number of training images, and the maximum for validation and for test; None for all.
    """

    source: Source  # set by `setup`
    shares_root = False  # whether its `root` is the folder of all downloaded data sets, such as JLML_DATA
    is_verified = False  # whether `read` refuses every content but the published one

    def __init__(
        self,
        name: str | None = None,
        seed: int = 0,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        image_size: int | None = None,
        fit: str = "pad",
        pixels: str = "grey",
        validation_size: float | None = None,
        test_size: float | None = None,
        subset: int | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.seed = seed
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.image_size = image_size
        self.fit = fit
        self.pixels = pixels
        self.validation_size = validation_size
        self.test_size = test_size
        self.subset = subset

    @abstractmethod
    def read(self) -> Source:
        """Reads the data set as it is stored."""

    def is_on_disk(self) -> bool:
        """Whether `read` needs no download, so that the place can come from an untrusted config."""
        return True

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits and resizes the images. Does nothing if called again."""
        if hasattr(self, "source"):
            return
        self.source = source = self.read()
        generator = generator_for(self.seed, SPLIT)
        train = Split(source.images, source.labels, source.factors)
        if source.test_images is None:
            train, test = train.split_off(self._count("test_size", len(train), len(train) // 10), generator)
        elif self.test_size is not None:
            raise UserError(
                f"data.test_size={self.test_size} is invalid: {source.name} has its own test set of "
                f"{len(source.test_images)} images. Leave it out."
            )
        else:
            labels = source.test_labels
            labels = torch.full((len(source.test_images),), -1) if labels is None else labels
            test = Split(source.test_images, labels, source.test_factors)
        # in a small data set, the validation split is as large as the test set
        default = 5_000 if len(train) > 10_000 else min(len(test), len(train) // 2)
        count = self._count("validation_size", len(train), default)
        train, validation = train.split_off(count, generator)
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

    def _count(self, key: str, images: int, default: int) -> int:
        """The number of images to split off, from an option that is a number, a fraction or None.

        Raises:
            UserError: nothing would be split off, or nothing left.
        """
        size: float | None = getattr(self, key)
        size = max(1, default) if size is None else size
        count = round(size * images) if isinstance(size, float) else size
        if not 0 < count < images:
            given = "" if getattr(self, key) is None else f"data.{key}={size} is invalid: "
            raise UserError(
                f"{given}{self.source.name} has {images} images to draw from, so {count} of them cannot be "
                "split off. Use more images, or data.validation_size and data.test_size that leave some for "
                "training."
            )
        return count

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
