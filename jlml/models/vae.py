"""The variational autoencoder: a distribution over codes for every image, regularised towards a prior."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Adam

from jlml.losses import ObservationModel, at_least_float32
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models.autoencoder import Autoencoder, Interval, MakeOptimizer, MakeScheduler, Output
from jlml.networks import MLPDecoder, MLPEncoder
from jlml.networks.layers import Activation, Init, Norm, given
from jlml.shapes import Codes, Images, check_images


class VAE(Autoencoder):
    """q(z | x) = N(mean, diag(variance)), p(z) = N(0, I), x ~ p(. | decoder(z)).

    The loss of an image is -log p(x | z) + beta KL(q(z | x) || p(z)), with one z drawn from q. For
    ``beta=1`` its mean over z is the negative evidence lower bound (ELBO) in nats:
    log p(x) >= E_q[log p(x | z)] - KL(q(z | x) || p(z)).
    Source: Kingma & Welling 2014; beta: Higgins et al. 2017.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        hidden: layer widths between image and code; the decoder uses them in reverse.
        beta: weight of the KL.
        kl_warmup_epochs: number of epochs over which the training weight rises linearly from 0 to ``beta``.
            Validation and test always use ``beta``.
        encoder: class or factory, called with (image_shape, hidden, 2 latent_dim), see `jlml.networks`.
        decoder: class or factory, called with (latent_dim, hidden, image_shape).
        activation: see `jlml.networks.layers`. This and the next three are passed to both networks, except
            None, which leaves the choice to the network.
        norm: see ``activation``.
        dropout: see ``activation``.
        init: see ``activation``.
        optimizer: see `Autoencoder`.
        scheduler: see `Autoencoder`.
        scheduler_interval: see `Autoencoder`.
        seed: see `Autoencoder`.
    """

    sampled_from = "the prior N(0, I)"
    kl_weight: Tensor  # weight of the KL in training; KLWarmUp changes it in place

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        hidden: Sequence[int] = (500, 500),
        beta: float = 1.0,
        kl_warmup_epochs: int = 0,
        encoder: Callable[..., nn.Module] = MLPEncoder,
        decoder: Callable[..., nn.Module] = MLPDecoder,
        activation: Activation | None = None,
        norm: Norm | None = None,
        dropout: float | None = None,
        init: Init | None = None,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        super().__init__(image_shape, latent_dim, loss, optimizer, scheduler, scheduler_interval, seed)
        self.beta = beta
        self.kl_warmup_epochs = kl_warmup_epochs
        self.register_buffer("kl_weight", torch.tensor(float(beta)), persistent=False)
        options = given(activation=activation, norm=norm, dropout=dropout, init=init)
        self.encoder = encoder(image_shape, hidden, 2 * latent_dim, **options)
        self.decoder = decoder(latent_dim, hidden, image_shape, **options)

    def posterior(self, images: Images) -> tuple[Codes, Codes]:
        """Mean and log variance of q(z | x)."""
        mean, log_variance = at_least_float32(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Images, noise: Codes | None = None) -> Output:
        mean, log_variance = self.posterior(images)
        noise = torch.randn_like(mean) if noise is None else noise
        codes = mean + torch.exp(log_variance / 2) * noise  # reparameterised, so that gradients reach q
        logits = self.decoder(codes)
        nll = self.loss.nll(logits, images)
        kl = kl_to_standard_normal(mean, log_variance).sum(1)
        weight = self.kl_weight if self.training else self.beta
        return Output(logits, {"nll": nll, "beta_kl": weight * kl}, {"kl": kl, "elbo": -nll - kl})

    def encode(self, images: Images) -> Codes:
        """The posterior mean of each image."""
        check_images(images, self.image_shape)
        return self.posterior(images)[0]

    def sample_codes(self, count: int) -> Codes:
        return torch.randn(count, self.latent_dim, device=self.device)

    def configure_callbacks(self) -> list[Callback]:
        return [KLWarmUp(self.beta, self.kl_warmup_epochs)] if self.kl_warmup_epochs else []


class KLWarmUp(Callback):
    """Raises a VAE's KL weight linearly from 0 to beta over the first epochs, at every step.

    Args:
        beta: final weight.
        epochs: number of warm-up epochs.
    """

    def __init__(self, beta: float, epochs: int) -> None:
        self.beta = beta
        self.epochs = epochs

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        progress = trainer.global_step / (self.epochs * trainer.num_training_batches)
        pl_module.kl_weight.fill_(self.beta * min(1.0, progress))  # type: ignore[operator]
