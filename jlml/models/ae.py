"""The autoencoder: an image through a narrow code and back."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from jlml.models.base import Autoencoder, Codes, Images, Pass, at_rest
from jlml.networks import MLPDecoder, MLPEncoder

FITTED_IMAGES = 2_000  # enough for a covariance of 64 dimensions, and a hundredth of an epoch to encode
FITTED_AT_ONCE = 1_000


class AE(Autoencoder):
    """z = encoder(x), x' ~ p(. | decoder(z)), trained to make x likely: the loss is -log p(x | z).

    Nothing shapes the codes, so there is no distribution to sample from. One is fitted: a Gaussian with
    the mean and covariance of the first 2,000 training images' codes, renewed before every validation and
    kept in the checkpoint.

    Args:
        hidden: widths between image and code; the decoder runs through them backwards.
        encoder: called with (image_shape, hidden, latent_dim), see `jlml.networks`.
        decoder: called with (latent_dim, hidden, image_shape).
        common: what every `Autoencoder` takes.
    """

    sampled_from = "a Gaussian fitted to training codes"
    code_mean: Tensor  # (latent_dim,)
    code_scale: Tensor  # (latent_dim, latent_dim): its product with its transpose is the covariance

    def __init__(
        self,
        hidden: Sequence[int] = (128, 64, 32),
        encoder: Callable[..., nn.Module] = MLPEncoder,
        decoder: Callable[..., nn.Module] = MLPDecoder,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.encoder = encoder(self.image_shape, hidden, self.latent_dim)
        self.decoder = decoder(self.latent_dim, hidden, self.image_shape)
        self.register_buffer("code_mean", torch.zeros(self.latent_dim))
        self.register_buffer("code_scale", torch.eye(self.latent_dim))

    def forward(self, images: Images) -> Pass:
        logits = self.decoder(self.encoder(images))
        return Pass(logits, {"nll": self.loss.nll(logits, images)}, {})

    def encode(self, images: Images) -> Codes:
        return self.encoder(images)

    def sample(self, count: int) -> Images:
        noise = torch.randn(count, self.latent_dim, device=self.device)
        return self.decode(self.code_mean + noise @ self.code_scale.T)

    def fit_code_distribution(self, codes: Codes) -> None:
        """Takes over mean and covariance of these codes for `sample`."""
        self.code_mean.copy_(codes.mean(0))
        covariance = torch.cov(codes.T.double(), correction=0).reshape(self.latent_dim, self.latent_dim)
        # by eigenvectors, not Cholesky: a collapsed dimension leaves the covariance singular
        variances, axes = torch.linalg.eigh(covariance)
        self.code_scale.copy_(axes * variances.clamp_min(0).sqrt())

    def on_fit_start(self) -> None:
        self._fit_to_training_images()

    def on_validation_start(self) -> None:
        self._fit_to_training_images()

    def _fit_to_training_images(self) -> None:
        data = getattr(self.trainer, "datamodule", None)
        if data is None:
            return
        with at_rest(self):
            images = data.first_training_images(FITTED_IMAGES).split(FITTED_AT_ONCE)
            self.fit_code_distribution(torch.cat([self.encode(some.to(self.device)) for some in images]))
