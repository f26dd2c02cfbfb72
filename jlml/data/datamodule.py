"""The data of a run: MNIST and its relatives, split by seed, in memory, in batches."""

from pathlib import Path

import torch
from lightning import LightningDataModule
from torch import Generator, Tensor

from jlml.data.batches import (
    AT_REST,
    SPLIT,
    TEST,
    VALIDATION,
    EvaluationBatches,
    TrainingBatches,
    WholeBatch,
    generator_for,
    to_float,
)
from jlml.data.pixels import TREATMENTS, fit_to
from jlml.data.shards import Shard
from jlml.data.sources import NAMES, load
from jlml.errors import UserError, did_you_mean

AT_ONCE = 32  # batches in a stretch: Lightning's share of a step is then some ten microseconds


class MNISTDataModule(LightningDataModule):
    """Train, validation and test batches of (images in [0, 1] (B, 1, H, W), labels (B,)).

    The validation split is drawn from the training images by ``seed``, stratified by class: 5,000 of
    60,000, or, for the 5,000 images of `mnist_5k`, 500 each for validation and test.

    Args:
        name: `mnist`, `mnist_5k` or `fashion_mnist`. After `setup`, `source_name` is what was really read.
        root: folder with `MNIST/raw` or `FashionMNIST/raw`; downloads go there.
        seed: decides the split, the order and every drawn pixel.
        batch_size: images a training batch, of all processes together; the last one may be smaller.
        eval_batch_size: images a validation or test batch.
        image_size: pixels a side, or None for the images as they are.
        fit: how to reach ``image_size``: `pad` or `resize`.
        pixels: `grey`, `dequantized` or `binarized`, see `jlml.data.pixels`. Drawn afresh for each epoch
            in training, once for validation and test.
        subset: train on so many images, and hold validation and test to as many; None for all.
        fallback: let `mnist_5k` stand in when full MNIST cannot be had.
    """

    def __init__(
        self,
        name: str = "mnist",
        root: str = "data",
        seed: int = 0,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        image_size: int | None = None,
        fit: str = "pad",
        pixels: str = "grey",
        subset: int | None = None,
        fallback: bool = False,
    ) -> None:
        super().__init__()
        if name not in NAMES:
            hint = did_you_mean(name, NAMES)
            raise UserError(f"data.name={name} is not known.{hint} Choose one of: {', '.join(NAMES)}.")
        if fallback and name != "mnist":
            raise UserError(f"data.fallback=true is for data=mnist; {name} has nothing to fall back on.")
        self.source_name = name
        self.root = Path(root)
        self.seed = seed
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.image_size = image_size
        self.fit = fit
        self.pixels = pixels
        self.subset = subset
        self.fallback = fallback

    def setup(self, stage: str | None = None) -> None:
        """Reads, splits and shapes the images, once."""
        if hasattr(self, "train_images"):
            return
        source = load(self.source_name, self.root, self.fallback)
        self.source_name = source.name
        self.class_names = source.class_names
        generator = generator_for(self.seed, SPLIT)
        rest, rest_labels = source.images, source.labels
        if source.test_images is not None and source.test_labels is not None:
            test_images, test_labels = source.test_images, source.test_labels
        else:
            rest, rest_labels, test_images, test_labels = split_off(
                rest, rest_labels, len(rest) // 10, generator
            )
        # 5,000 of MNIST's 60,000, and a size that goes with the smaller source
        count = 5_000 if len(rest) > 10_000 else len(test_images)
        train, train_labels, validation, validation_labels = split_off(rest, rest_labels, count, generator)
        if self.subset is not None:
            if self.subset > len(train):
                raise UserError(
                    f"data.subset={self.subset} is more than the {len(train)} training images of "
                    f"{self.source_name}. Use at most {len(train)}, or null for all."
                )
            train, train_labels = take(train, train_labels, self.subset, generator)
            validation, validation_labels = take(validation, validation_labels, self.subset, generator)
            test_images, test_labels = take(test_images, test_labels, self.subset, generator)
        self.train_images, self.train_labels = self._shape(train), train_labels
        self.validation_images = self._draw_once(self._shape(validation), VALIDATION)
        self.test_images = self._draw_once(self._shape(test_images), TEST)
        self.validation_labels, self.test_labels = validation_labels, test_labels

    def _shape(self, images: Tensor) -> Tensor:
        return images if self.image_size is None else fit_to(images, self.image_size, self.fit)

    def _draw_once(self, images: Tensor, stream: int) -> Tensor:
        """Grey images stay bytes; drawn pixels are kept, so that every pass sees the same ones."""
        if self.pixels == "grey":
            return images
        return TREATMENTS[self.pixels](images, generator_for(self.seed, stream))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the images that a batch holds. Known after `setup`."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    def train_dataloader(self) -> TrainingBatches:
        return TrainingBatches(
            *self._on_device(self.train_images, self.train_labels),
            self.batch_size,
            self.pixels,
            self.seed,
            self._epoch,
            self._stretches_done,
            self._shard(),
            self._batches_at_once(),
        )

    def val_dataloader(self) -> EvaluationBatches:
        tensors = self._on_device(self.validation_images, self.validation_labels)
        return EvaluationBatches(*tensors, self.eval_batch_size, self._shard())

    def test_dataloader(self) -> EvaluationBatches:
        tensors = self._on_device(self.test_images, self.test_labels)
        return EvaluationBatches(*tensors, self.eval_batch_size, self._shard())

    def _on_device(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """All of them where the model trains: no batch has to travel."""
        device = self.trainer.strategy.root_device if self.trainer is not None else images.device
        return images.to(device), labels.to(device)

    def training_images_at_rest(self) -> Tensor:
        """The training images in stored order, their pixels drawn once: what an evaluation sees.

        uint8, or float32 where the pixels were drawn.
        """
        return self._draw_once(self.train_images, AT_REST)

    def first_training_images(self, count: int) -> Tensor:
        """The first ``count`` training images, their pixels the same ones whenever asked, as floats."""
        return to_float(self._draw_once(self.train_images[:count], AT_REST))

    def validation_batch(self, count: int) -> WholeBatch:
        """The first ``count`` validation images and their labels: the same ones whenever asked."""
        return to_float(self.validation_images[:count]), self.validation_labels[:count]

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0

    def _batches_at_once(self) -> int:
        """How many batches Lightning sees as one; one only, where it is asked to count them."""
        trainer = self.trainer
        if trainer is None:
            return 1
        counts = trainer.limit_train_batches != 1.0
        return 1 if counts else AT_ONCE

    def _stretches_done(self) -> int:
        loop = self.trainer.fit_loop.epoch_loop if self.trainer is not None else None
        return loop.batch_progress.current.ready if loop is not None and loop.restarting else 0

    def _shard(self) -> Shard:
        return Shard() if self.trainer is None else Shard(self.trainer.global_rank, self.trainer.world_size)


def split_off(
    images: Tensor, labels: Tensor, count: int, generator: Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and labels without, then only, a stratified random draw of ``count``."""
    drawn = stratified_draw(labels, count, generator)
    kept = torch.ones(len(labels), dtype=torch.bool)
    kept[drawn] = False
    return images[kept], labels[kept], images[drawn], labels[drawn]


def take(images: Tensor, labels: Tensor, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """A stratified random draw of at most ``count`` images with their labels."""
    if count >= len(labels):
        return images, labels
    drawn = stratified_draw(labels, count, generator)
    return images[drawn], labels[drawn]


def stratified_draw(labels: Tensor, count: int, generator: Generator) -> Tensor:
    """Ascending indices of a random draw that holds every class in proportion, to within one image.

    Systematic sampling: in a random order sorted by class, every (N / count)-th image is taken.
    """
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    positions = torch.arange(count, dtype=torch.float64).add(0.5).mul(len(labels) / count).long()
    return by_class[positions].sort().values
