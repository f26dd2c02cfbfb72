"""The base class of all models: one objective for training, validation and test, and its logging."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from jlml.losses import ObservationModel
from jlml.metrics import MONITOR, Split, common_metrics, named
from jlml.shapes import Codes, Images, Labels, PerImage, check_codes

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeScheduler = Callable[[Optimizer], LRScheduler]
Interval = Literal["epoch", "step"]


class Output(NamedTuple):
    """The result of a forward pass for a batch of images."""

    logits: Images
    terms: dict[str, PerImage]  # in nats; their sum is the loss
    extras: dict[str, PerImage]  # more numbers to log; not part of the loss

    @property
    def loss(self) -> PerImage:
        """The loss of each image, in nats."""
        first, *others = self.terms.values()
        return sum(others, start=first)


class Autoencoder(LightningModule, ABC):
    """An encoder, a decoder and an observation model with one objective.

    To add a model, derive from this class, build `encoder` and `decoder`, and define `forward`, `encode` and
    `sample`.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        optimizer: creates an optimizer from parameters.
        scheduler: creates a learning rate scheduler from an optimizer.
        scheduler_interval: the scheduler steps once per `epoch` or per optimizer `step`.
        seed: seed of the noise in validation and test; the noise is the same in every epoch.
    """

    encoder: nn.Module
    decoder: nn.Module
    sampled_from: str  # the distribution of `sample_codes`, for titles

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.loss = loss
        self.seed = seed
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._scheduler_interval = scheduler_interval

    @abstractmethod
    def forward(self, images: Images, noise: Codes | None = None) -> Output:
        """Encodes and decodes images, and computes the terms of the loss.

        Args:
            images: pixels in [0, 1].
            noise: standard normal noise of the codes; drawn if None. Deterministic models ignore it.
        """

    @abstractmethod
    def encode(self, images: Images) -> Codes:
        """One code per image, without noise.

        Raises:
            UserError: the images are not floats in [0, 1] of this model's shape.
        """

    @abstractmethod
    def sample_codes(self, count: int) -> Codes:
        """New codes, drawn from the model's distribution of codes."""

    def sample(self, count: int) -> Images:
        """New images: means of the observation model at sampled codes."""
        return self.decode(self.sample_codes(count))

    def decode(self, codes: Codes) -> Images:
        """The mean image of each code.

        Raises:
            UserError: the codes are not floats of shape (N, latent_dim).
        """
        check_codes(codes, self.latent_dim)
        return self.loss.mean(self.decoder(codes))

    def training_step(self, batch: tuple[Images, Labels], batch_idx: int) -> Tensor:
        images, _ = batch
        output = self(images)
        self.log_means("train", self.numbers(output, images))
        return output.loss.mean()

    def validation_step(self, batch: tuple[Images, Labels], batch_idx: int) -> None:
        self.log_means("val", self.measure(batch[0], batch_idx))

    def test_step(self, batch: tuple[Images, Labels], batch_idx: int) -> None:
        self.log_means("test", self.measure(batch[0], batch_idx))

    def measure(self, images: Images, batch_idx: int) -> dict[str, PerImage]:
        """The numbers that validation and test log. The noise depends only on seed and batch index."""
        # a different seed for every seed of a run and batch
        generator = torch.Generator(self.device).manual_seed(self.seed * 2**20 + batch_idx)
        noise = torch.randn(len(images), self.latent_dim, generator=generator, device=self.device)
        return self.numbers(self(images, noise), images)

    @torch.no_grad()
    def numbers(self, output: Output, images: Images) -> dict[str, PerImage]:
        """The loss, its terms, the extras and the common metrics, one number per image."""
        common = common_metrics(self.loss.mean(output.logits), images)
        return {"loss": output.loss, **output.terms, **output.extras, **common}

    def log_means(self, split: Split, numbers: dict[str, PerImage]) -> None:
        """Logs the mean of each number over the batch, computed in float64."""
        means = {name: values.double().mean() for name, values in numbers.items()}
        self.log_dict(named(split, means), batch_size=len(numbers["loss"]), sync_dist=split != "train")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._optimizer(self.parameters())
        if self._scheduler is None:
            return optimizer
        schedule = {"scheduler": self._scheduler(optimizer), "interval": self._scheduler_interval}
        return {"optimizer": optimizer, "lr_scheduler": {**schedule, "monitor": MONITOR}}  # type: ignore[return-value]
