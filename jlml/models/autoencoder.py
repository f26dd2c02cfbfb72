"""What all autoencoders share: one objective for training, validation and test, and how it is logged."""

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
from jlml.metrics import MONITOR, Split, named, yardsticks
from jlml.shapes import Codes, Images, Labels, PerImage

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeScheduler = Callable[[Optimizer], LRScheduler]
Interval = Literal["epoch", "step"]


class Output(NamedTuple):
    """What a forward pass makes of a batch of images."""

    logits: Images
    terms: dict[str, PerImage]  # in nats; their sum is the loss
    extras: dict[str, PerImage]  # further numbers that are worth a curve, not part of the loss

    @property
    def loss(self) -> PerImage:
        """The loss of each image, in nats."""
        first, *others = self.terms.values()
        return sum(others, start=first)


class Autoencoder(LightningModule, ABC):
    """Encoder, decoder and observation model under one objective.

    A model of your own derives from this class, builds `encoder` and `decoder`, and defines `forward`,
    `encode` and `sample`.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        optimizer: makes an optimizer from parameters.
        scheduler: makes a learning rate scheduler from an optimizer.
        scheduler_interval: the scheduler steps once per `epoch` or per optimizer `step`.
        seed: of the noise drawn in validation and test, which is the same in every epoch.
    """

    encoder: nn.Module
    decoder: nn.Module
    sampled_from: str  # for titles: the distribution from which `sample` draws codes

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
        """Encodes and decodes images, and computes what that costs.

        Args:
            images: pixels in [0, 1].
            noise: standard normal, one draw per code; drawn if None. Models without noise ignore it.
        """

    @abstractmethod
    def encode(self, images: Images) -> Codes:
        """One code per image, without noise."""

    @abstractmethod
    def sample(self, count: int) -> Images:
        """New images, as means of the observation model."""

    def decode(self, codes: Codes) -> Images:
        """The mean image of each code."""
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
        """What validation and test report of a batch. The noise depends on the seed and the batch's index."""
        generator = torch.Generator(self.device).manual_seed(self.seed * 2**20 + batch_idx)
        noise = torch.randn(len(images), self.latent_dim, generator=generator, device=self.device)
        return self.numbers(self(images, noise), images)

    @torch.no_grad()
    def numbers(self, output: Output, images: Images) -> dict[str, PerImage]:
        """The loss, its terms, the extras and the yardsticks: one number per image each."""
        measured = yardsticks(self.loss.mean(output.logits), images)
        return {"loss": output.loss, **output.terms, **output.extras, **measured}

    def log_means(self, split: Split, numbers: dict[str, PerImage]) -> None:
        """Logs the mean over the batch of each number, averaged in float64."""
        means = {name: values.double().mean() for name, values in numbers.items()}
        self.log_dict(named(split, means), batch_size=len(numbers["loss"]), sync_dist=split != "train")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._optimizer(self.parameters())
        if self._scheduler is None:
            return optimizer
        schedule = {"scheduler": self._scheduler(optimizer), "interval": self._scheduler_interval}
        return {"optimizer": optimizer, "lr_scheduler": {**schedule, "monitor": MONITOR}}  # type: ignore[return-value]
