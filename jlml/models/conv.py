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
from jlml.networks.layers import Activation, Init, Norm


class ConvAE(AE):
    """`AE` with a stride-2 convolutional encoder and a mirrored decoder.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        channels: see `ConvEncoder`, as for the next three.
        code: `dense` has fully connected layers to and from the code; `spatial` uses the last feature maps.
        dense_channels: output channels of a last convolution before a dense code; None for none.
        hidden: widths of the fully connected layers between features and code.
        encoder: class or factory, called like `jlml.networks.ConvEncoder`.
        decoder: class or factory, called like `jlml.networks.ConvDecoder`.
        activation: see `AE`.
        norm: see `AE`.
        dropout: see `AE`.
        init: see `AE`.
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
        dense_channels: int | None = 16,
        hidden: Sequence[int] = (),
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        activation: Activation | None = None,
        norm: Norm | None = None,
        dropout: float | None = None,
        init: Init | None = None,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        layout = layout_of(image_shape, latent_dim, channels, code, dense_channels, hidden)
        # the sizes that the base class passes to the networks are the channels here
        super().__init__(
            image_shape, latent_dim, loss, channels, partial(encoder, **layout), partial(decoder, **layout),
            activation, norm, dropout, init, optimizer, scheduler, scheduler_interval, seed,
        )  # fmt: skip


class ConvVAE(VAE):
    """`VAE` with a stride-2 convolutional encoder and a mirrored decoder.

    With a spatial code, the encoder has two maps per code map: the mean and the log variance.

    Args:
        image_shape: (channels, height, width).
        latent_dim: number of latent dimensions.
        loss: the observation model p(x | z).
        channels: see `ConvEncoder`, as for the next three.
        code: `dense` has fully connected layers to and from the code; `spatial` uses the last feature maps.
        dense_channels: output channels of a last convolution before a dense code; None for none.
        hidden: widths of the fully connected layers between features and code.
        beta: weight of the KL.
        kl_warmup_epochs: see `VAE`.
        encoder: class or factory, called like `jlml.networks.ConvEncoder`.
        decoder: class or factory, called like `jlml.networks.ConvDecoder`.
        activation: see `AE`.
        norm: see `AE`.
        dropout: see `AE`.
        init: see `AE`.
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
        dense_channels: int | None = 16,
        hidden: Sequence[int] = (),
        beta: float = 1.0,
        kl_warmup_epochs: int = 0,
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        activation: Activation | None = None,
        norm: Norm | None = None,
        dropout: float | None = None,
        init: Init | None = None,
        optimizer: MakeOptimizer = Adam,
        scheduler: MakeScheduler | None = None,
        scheduler_interval: Interval = "epoch",
        seed: int = 0,
    ) -> None:
        layout = layout_of(image_shape, latent_dim, channels, code, dense_channels, hidden)
        # the sizes that the base class passes to the networks are the channels here
        super().__init__(
            image_shape, latent_dim, loss, channels, beta, kl_warmup_epochs,
            partial(encoder, **layout), partial(decoder, **layout),
            activation, norm, dropout, init, optimizer, scheduler, scheduler_interval, seed,
        )  # fmt: skip


def layout_of(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    channels: Sequence[int],
    code: CodeLayout,
    dense_channels: int | None,
    hidden: Sequence[int],
) -> dict[str, Any]:
    """The arguments about the code's layout that encoder and decoder share.

    Raises:
        UserError: the latent dim does not fit a spatial code. Checked here because a VAE's encoder has two
            outputs per dimension.
    """
    if code == "spatial":
        spatial_maps(latent_dim, image_shape, len(channels) + 1)
    layout = {"code": code, "dense_channels": dense_channels}
    return {**layout, "hidden": hidden} if hidden else layout
