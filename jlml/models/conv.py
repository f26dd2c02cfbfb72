"""The convolutional autoencoder and VAE: the same objectives with convolutional networks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Adam

from jlml.losses import ObservationModel
from jlml.models.ae import AE
from jlml.models.autoencoder import Interval, MakeOptimizer, MakeScheduler
from jlml.models.vae import VAE
from jlml.networks import ConvDecoder, ConvEncoder
from jlml.networks.conv import CodeLayout, spatial_maps


class ConvAE(AE):
    """`AE` with stride-2 convolutions and their mirror.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        channels: after each convolution but the last.
        code: `dense`, a linear layer to and from the code, or `spatial`, the last feature maps.
        dense_channels: of the last convolution if the code is dense.
        encoder: called like `jlml.networks.ConvEncoder`.
        decoder: called like `jlml.networks.ConvDecoder`.
        optimizer: see `Autoencoder`.
        scheduler: see `Autoencoder`.
        scheduler_interval: see `Autoencoder`.
        seed: see `Autoencoder`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        channels: Sequence[int] = (8, 16),
        code: CodeLayout = "dense",
        dense_channels: int = 16,
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        layout = layout_of(image_shape, latent_dim, channels, code, dense_channels)
        super().__init__(
            image_shape, latent_dim, loss, channels, partial(encoder, **layout), partial(decoder, **layout),
            optimizer, scheduler, scheduler_interval, seed,
        )  # fmt: skip


class ConvVAE(VAE):
    """`VAE` with stride-2 convolutions and their mirror. With a spatial code, the encoder has twice the maps.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        channels: after each convolution but the last.
        code: `dense`, a linear layer to and from the code, or `spatial`, the last feature maps.
        dense_channels: of the last convolution if the code is dense.
        beta: weight of the KL, see `VAE`.
        kl_warmup_epochs: see `VAE`.
        encoder: called like `jlml.networks.ConvEncoder`.
        decoder: called like `jlml.networks.ConvDecoder`.
        optimizer: see `Autoencoder`.
        scheduler: see `Autoencoder`.
        scheduler_interval: see `Autoencoder`.
        seed: see `Autoencoder`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        loss: ObservationModel,
        channels: Sequence[int] = (8, 16),
        code: CodeLayout = "dense",
        dense_channels: int = 16,
        beta: float = 1.0,
        kl_warmup_epochs: int = 0,
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        layout = layout_of(image_shape, latent_dim, channels, code, dense_channels)
        super().__init__(
            image_shape, latent_dim, loss, channels, beta, kl_warmup_epochs,
            partial(encoder, **layout), partial(decoder, **layout),
            optimizer, scheduler, scheduler_interval, seed,
        )  # fmt: skip


def layout_of(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    channels: Sequence[int],
    code: CodeLayout,
    dense_channels: int,
) -> dict[str, Any]:
    """What both networks need to know about the code besides its size.

    Raises:
        UserError: the latent dim does not fit a spatial code. It is checked here because the encoder of a
            VAE has two outputs per dimension.
    """
    if code == "spatial":
        spatial_maps(latent_dim, image_shape, len(channels) + 1)
    return {"code": code, "dense_channels": dense_channels}
