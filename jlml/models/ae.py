"""The autoencoder: compresses an image to a short code and reconstructs it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Adam

from jlml.data import ImageDataModule
from jlml.losses import ObservationModel
from jlml.metrics.gaussian import fit_gaussian
from jlml.models.autoencoder import Autoencoder, Interval, MakeOptimizer, MakeScheduler, Output
from jlml.networks import MLPDecoder, MLPEncoder
from jlml.networks.layers import Activation, Init, Norm, given
from jlml.shapes import Codes, Images, check_images

FITTED_IMAGES = 2_000  # enough for a covariance in 64 dimensions, and cheap to encode at every validation
BATCH = 1_000


class AE(Autoencoder):
    """z = encoder(x), x ~ p(. | decoder(z)). The loss is -log p(x | z).

    The loss defines no distribution of codes. To sample, a Gaussian is fitted to the codes of the first 2,000
    training images: their mean and covariance. It is fitted before every validation and saved with the
    weights.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        hidden: layer widths between image and code; the decoder uses them in reverse.
        encoder: class or factory, called with (image_shape, hidden, latent_dim), see `jlml.networks`.
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

    sampled_from = "a Gaussian fitted to training codes"
    code_mean: Tensor  # (latent_dim,)
    code_scale: Tensor  # (latent_dim, latent_dim); the covariance is code_scale @ code_scale.T

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        hidden: Sequence[int] = (128, 64, 32),
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
        options = given(activation=activation, norm=norm, dropout=dropout, init=init)
        self.encoder = encoder(image_shape, hidden, latent_dim, **options)
        self.decoder = decoder(latent_dim, hidden, image_shape, **options)
        self.register_buffer("code_mean", torch.zeros(latent_dim))
        self.register_buffer("code_scale", torch.eye(latent_dim))

    def forward(self, images: Images, noise: Codes | None = None) -> Output:
        logits = self.decoder(self.encoder(images))
        return Output(logits, {"nll": self.loss.nll(logits, images)}, {})

    def encode(self, images: Images) -> Codes:
        check_images(images, self.image_shape)
        return self.encoder(images)

    def sample_codes(self, count: int) -> Codes:
        noise = torch.randn(count, self.latent_dim, device=self.device)
        return self.code_mean + noise @ self.code_scale.T

    def fit_code_distribution(self, codes: Codes) -> None:
        """Fits the Gaussian of `sample_codes`."""
        mean, scale = fit_gaussian(codes)
        self.code_mean.copy_(mean)
        self.code_scale.copy_(scale)

    def on_validation_start(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if isinstance(data, ImageDataModule):  # with other data, call fit_code_distribution yourself
            batches = data.first_training_images(FITTED_IMAGES).split(BATCH)
            self.fit_code_distribution(torch.cat([self.encode(batch.to(self.device)) for batch in batches]))
