"""What all autoencoders share: one objective for training, validation and test, and how it is logged."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from jlml.data.batches import Batch, Stretch, TrainingBatches, part_of
from jlml.data.shards import Part
from jlml.errors import DivergedError
from jlml.losses import ObservationModel
from jlml.metrics import MONITOR, RunningMean, named, yardsticks
from jlml.metrics.names import LEARNING_RATE, Split
from jlml.models.captured import CapturedSteps, captured_on_gpu

Images = Float[Tensor, "batch channel height width"]
Codes = Float[Tensor, "batch latent"]
PerImage = Float[Tensor, " batch"]

LESS = "Try a lower optimizer.lr, or a limit on the gradient, trainer.gradient_clip_val=100."
YARDSTICK_EVERY = 25  # training steps: at each, the yardsticks would cost a third of a small net's step


class Pass(NamedTuple):
    """What one pass over a batch of images gives."""

    logits: Images
    terms: dict[str, PerImage]  # in nats; their sum is the loss
    notes: dict[str, PerImage]  # more that is worth a curve, and no part of the loss


class Autoencoder(LightningModule, ABC):
    """Encoder, decoder and observation model under one objective.

    A model of your own derives from this class, builds `encoder` and `decoder`, and says what `forward`,
    `encode` and `sample` mean for it. Noise for codes comes from `noise_like`, so that several processes that
    share a batch draw what one alone would.

    Args:
        image_shape: (channels, height, width).
        latent_dim: length of a code.
        loss: the observation model p(x | z).
        optimizer: makes an optimizer from parameters.
        scheduler: makes a learning rate scheduler from an optimizer; stepped once an epoch.
        seed: of the noise drawn in validation and test, the same at every epoch.
    """

    encoder: nn.Module
    decoder: nn.Module
    sampled_from: str  # for titles: the distribution that `sample` draws codes from
    max_gradient_norm: float | None = None  # longer gradients are shortened to it, in nats
    capture_steps = False  # as CUDA graphs

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] = torch.optim.Adam,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # `training_step` takes the steps
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.loss = loss
        self.seed = seed
        self.config: dict[str, Any] = {}  # what rebuilds this model; kept in every checkpoint
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._means = {split: RunningMean() for split in ("train", "val", "test")}
        self._part: Part | None = None  # of the batch at hand, where processes share it
        self._captured: CapturedSteps[tuple[PerImage, Pass]] | None = None
        self._compiled: tuple[Callable[[Images], Pass], int] | None = None  # and for how many images

    @abstractmethod
    def forward(self, images: Images) -> Pass:
        """Images through the code and back, and what it costs."""

    @abstractmethod
    def encode(self, images: Images) -> Codes:
        """The point code of each image."""

    @abstractmethod
    def sample(self, count: int) -> Images:
        """So many new images, as mean pictures."""

    def decode(self, codes: Codes) -> Images:
        """The mean picture of each code."""
        return self.loss.mean(self.decoder(codes))

    def objective(self, images: Images) -> dict[str, PerImage]:
        """Named terms in nats, one number an image each, whose sum is the loss."""
        return self(images).terms

    def on_train_start(self) -> None:
        (optimizer,) = self.trainer.optimizers
        take = partial(self._take_step, optimizer=optimizer, part=None)
        self._captured = captured_on_gpu(take, optimizer) if self.capture_steps else None

    def training_step(self, batch: Stretch | Batch, batch_idx: int) -> None:
        """An optimizer step for every batch of a stretch."""
        stretch, trainer = Stretch.of(batch, batch_idx), self.trainer
        (optimizer,), every = trainer.optimizers, trainer.log_every_n_steps  # type: ignore[attr-defined]
        counted = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        means = self._means["train"]
        last = stretch.last if trainer.is_last_batch else None
        for number, each in stretch:
            counted.increment_ready()
            if self._captured is None:
                loss, result = self._take_step(each[0], optimizer, part_of(each))
            else:
                rates = tuple(group["lr"] for group in optimizer.param_groups)
                loss, result = self._captured(each[0], (rates, self.constants()))
            counted.increment_completed()
            means.update({"loss": loss, **result.terms, **result.notes})
            if number % YARDSTICK_EVERY == 0:
                with torch.no_grad():
                    means.update(yardsticks(self.loss.mean(result.logits), each[0]))
            # self.log would cost more than the step of a small net; the logger gets a window's mean instead
            if (number + 1) % every == 0 or number == last:
                self._publish("train", {LEARNING_RATE: optimizer.param_groups[0]["lr"]})

    def _take_step(self, images: Images, optimizer: Optimizer, part: Part | None) -> tuple[PerImage, Pass]:
        """The heart of any training loop. Gives the loss of each image, and what the pass gave."""
        result = self._passed(images, part)
        loss = sum_of(result.terms)
        optimizer.zero_grad()
        # Lightning's manual_backward and optimizer wrapper ask every callback five times, and none answers
        if part is None:
            loss.backward(torch.full_like(loss, 1 / len(loss)))  # as loss.mean().backward(), in fewer steps
        else:
            self.manual_backward(part.mean(loss))
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters(), self.max_gradient_norm)
        optimizer.step()
        torch.clear_autocast_cache()  # else bf16 copies of the weights as they were serve the whole stretch
        return loss, result

    def constants(self) -> tuple[Hashable, ...]:
        """The numbers that Python computes for a training pass, if any: of a weight that rises, say."""
        return ()

    def on_train_epoch_end(self) -> None:
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(self.trainer.callback_metrics[MONITOR])
        elif isinstance(scheduler, LRScheduler):
            scheduler.step()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("val", batch, batch_idx)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("test", batch, batch_idx)

    def _evaluate(self, split: Split, batch: Batch, batch_idx: int) -> None:
        self._means[split].update(self.judged(batch[0], batch_idx, part_of(batch)))

    def judged(self, images: Images, batch_idx: int, part: Part | None = None) -> dict[str, PerImage]:
        """What validation and test measure, one number an image: the loss, its terms, the yardsticks.

        Draws depend on the model's seed and the batch's number alone.
        """
        with fixed_noise(self.seed * 2**20 + batch_idx, self.device):
            result = self._passed(images, part)
        numbers = {"loss": sum_of(result.terms), **result.terms, **result.notes}
        return numbers | yardsticks(self.loss.mean(result.logits), images)

    def compile_passes(self, batch_size: int) -> None:
        """From here on, training passes of so many images run compiled.

        All others do not: every other size, and evaluation, would be compiled anew for seconds.
        """
        self._compiled = torch.compile(self.forward), batch_size

    def _passed(self, images: Images, part: Part | None) -> Pass:
        if self._compiled is not None and self.training:
            compiled, batch_size = self._compiled
            if len(images) == batch_size:
                return compiled(images)
        if part is None:
            return self(images)
        self._part = part
        try:
            return self(images)
        finally:
            self._part = None  # pictures and samples are drawn whole

    def noise_like(self, codes: Codes) -> Codes:
        """A standard normal draw for each code.

        Processes that share a batch draw for all of it, from the same seed, and keep their rows.
        """
        if self._part is None:
            return torch.randn_like(codes)
        size = (self._part.images, *codes.shape[1:])
        return self._part.of(torch.randn(size, dtype=codes.dtype, device=codes.device))

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self._publish("val"), logger=False)

    def on_test_epoch_end(self) -> None:
        self.log_dict(self._publish("test"), logger=False)

    def _publish(self, split: Split, extra: dict[str, float] | None = None) -> dict[str, float]:
        """The split's means since the last time, handed to the logger at the current step."""
        shared = self.trainer.world_size > 1
        add_up = partial(self.trainer.strategy.reduce, reduce_op="sum") if shared else None
        means = named(split, self._means[split].means(add_up))
        if not all(map(isfinite, means.values())):
            raise self._diverged(split, means)
        self._means[split].clear()
        # validation after training judges the best checkpoint, which is not that of the current step
        belongs_to_step = split != "val" or self.trainer.state.fn == "fit"
        if self.logger is not None and belongs_to_step:
            # a test stands one step further: a run that goes on from here will be tested anew, and forgets it
            self.logger.log_metrics(means | (extra or {}), step=self.global_step + (split == "test"))
        return means

    def _diverged(self, split: Split, means: dict[str, float]) -> DivergedError:
        """Says what is no number any more since when."""
        step, lost = self.global_step, self._means[split].first_lost()
        if lost is not None and split == "train":
            batches_ago, of_batch = lost
            step, means = step - batches_ago, named(split, of_batch)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        return DivergedError(f"Training has diverged at step {step}: {shown}. {LESS}")

    def check_weights(self) -> None:
        """Raises a DivergedError if a weight is no number any more. Waits for the device."""
        for name, weight in self.named_parameters():
            if not weight.isfinite().all():
                raise DivergedError(
                    f"Training has diverged by step {self.global_step}: {name} not finite. {LESS}"
                )

    def configure_optimizers(self) -> Any:
        optimizer = self._optimizer(self.parameters())
        if self._scheduler is None:
            return {"optimizer": optimizer}
        return {"optimizer": optimizer, "lr_scheduler": self._scheduler(optimizer)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.check_weights()  # lest a bad checkpoint takes the place of a good one
        checkpoint["config"] = self.config
        checkpoint["window"] = self._means["train"].kept()  # a curve has no gap where a run goes on

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._means["train"].restore(checkpoint.get("window", {}))


def steps_an_epoch(trainer: Trainer) -> int:
    """Optimizer steps of an epoch: where the loader gives stretches, Lightning counts only those."""
    loader = trainer.train_dataloader
    if isinstance(loader, TrainingBatches) and loader.at_once > 1:
        return loader.count
    return int(trainer.num_training_batches)


def sum_of(terms: dict[str, PerImage]) -> PerImage:
    """The loss of each image from its terms."""
    first, *rest = terms.values()
    for term in rest:
        first = first + term
    return first


@contextmanager
def fixed_noise(seed: int, device: torch.device) -> Iterator[None]:
    """Draws inside depend on ``seed`` alone, and leave the random numbers outside as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        if device.type == "cpu":
            # torch.manual_seed would also note, with a stack trace, to seed any GPU later: .7 ms
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        yield


@contextmanager
def at_rest(model: LightningModule) -> Iterator[None]:
    """The model in evaluation mode, without gradients, and with random numbers that no one else draws."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), fixed_noise(0, model.device):
            yield
    finally:
        model.train(was_training)
