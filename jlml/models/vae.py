"""The variational autoencoder: a distribution over codes for every image, held near a common prior."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jlml.losses.continuous_bernoulli import at_least_float32
from jlml.models.base import Autoencoder, Codes, Images, Pass, steps_an_epoch
from jlml.networks import MLPDecoder, MLPEncoder


class VAE(Autoencoder):
    """q(z | x) = N(mean, diag(variance)), p(z) = N(0, I), x' ~ p(. | decoder(z)).

    The loss of an image is -log p(x | z) + beta KL(q(z | x) || p(z)) with one z drawn from q: at
    ``beta=1`` the negative ELBO in nats. Source: Kingma & Welling 2014; beta: Higgins et al. 2017.

    Args:
        hidden: widths between image and code; the decoder runs through them backwards.
        beta: weight of the KL.
        kl_warmup_epochs: in training the weight rises linearly from 0 to ``beta`` over so many epochs;
            validation and test always weigh the KL in full.
        encoder: called with (image_shape, hidden, 2 latent_dim), see `jlml.networks`.
        decoder: called with (latent_dim, hidden, image_shape).
        common: what every `Autoencoder` takes.
    """

    sampled_from = "the prior N(0, I)"

    def __init__(
        self,
        hidden: Sequence[int] = (500, 500),
        beta: float = 1.0,
        kl_warmup_epochs: int = 0,
        encoder: Callable[..., nn.Module] = MLPEncoder,
        decoder: Callable[..., nn.Module] = MLPDecoder,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.beta = beta
        self.kl_warmup_epochs = kl_warmup_epochs
        self.encoder = encoder(self.image_shape, hidden, 2 * self.latent_dim)
        self.decoder = decoder(self.latent_dim, hidden, self.image_shape)

    def posterior(self, images: Images) -> tuple[Codes, Codes]:
        """Mean and log variance of q(z | x), each (B, latent_dim)."""
        mean, log_variance = at_least_float32(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Images) -> Pass:
        mean, log_variance = self.posterior(images)
        codes = mean + torch.exp(log_variance / 2) * self.noise_like(mean)
        logits = self.decoder(codes)
        nll = self.loss.nll(logits, images)
        kl = kl_to_standard_normal(mean, log_variance).sum(1)
        return Pass(logits, {"nll": nll, "beta_kl": self._kl_weight() * kl}, {"kl": kl, "elbo": -nll - kl})

    def encode(self, images: Images) -> Codes:
        """The posterior mean of each image; a class that has other codes overrides `posterior`."""
        return self.posterior(images)[0]

    def sample(self, count: int) -> Images:
        return self.decode(torch.randn(count, self.latent_dim, device=self.device))

    def constants(self) -> tuple[float]:
        return (self._kl_weight(),)

    def compile_passes(self, batch_size: int) -> None:
        if self.kl_warmup_epochs:  # a weight that reads the trainer would be compiled anew at every step
            self.__dict__["_kl_weight"] = torch.compiler.disable(self._kl_weight)
        super().compile_passes(batch_size)

    def _kl_weight(self) -> float:
        if not self.training or not self.kl_warmup_epochs or self._trainer is None:
            return self.beta
        steps = self.kl_warmup_epochs * steps_an_epoch(self.trainer)
        return self.beta * min(1.0, self.global_step / steps)


def kl_to_standard_normal(
    mean: Float[Tensor, "batch latent"], log_variance: Float[Tensor, "batch latent"]
) -> Float[Tensor, "batch latent"]:
    """KL(N(mean, variance) || N(0, 1)) in nats, by dimension: (mean^2 + variance - 1 - log variance) / 2.

    Source: Kingma & Welling 2014, appendix B.
    """
    return (mean.square() + torch.expm1(log_variance) - log_variance) / 2
