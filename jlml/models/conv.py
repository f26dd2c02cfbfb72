"""The convolutional autoencoder and VAE: the same objectives over networks that know neighbours."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import nn

from jlml.models.ae import AE
from jlml.models.vae import VAE
from jlml.networks import ConvDecoder, ConvEncoder
from jlml.networks.conv import Code, spatial_maps


class ConvAE(AE):
    """`AE` with stride-2 convolutions and their mirror.

    Args:
        channels: channels after each convolution but the last.
        code: `dense`, a linear layer to and from the code, or `spatial`, the last maps themselves.
        dense_channels: the last convolution's channels where the code is dense.
        encoder: called like `jlml.networks.ConvEncoder`.
        decoder: called like `jlml.networks.ConvDecoder`.
        common: what every `Autoencoder` takes.
    """

    def __init__(
        self,
        channels: Sequence[int] = (8, 16),
        code: Code = "dense",
        dense_channels: int = 16,
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        **common: Any,
    ) -> None:
        sizes = code_sizes(channels, code, dense_channels, common)
        super().__init__(channels, partial(encoder, **sizes), partial(decoder, **sizes), **common)


class ConvVAE(VAE):
    """`VAE` with stride-2 convolutions and their mirror; a spatial code has twice the maps in the encoder.

    Args:
        channels: channels after each convolution but the last.
        code: `dense`, a linear layer to and from the code, or `spatial`, the last maps themselves.
        dense_channels: the last convolution's channels where the code is dense.
        beta: weight of the KL, see `VAE`.
        kl_warmup_epochs: see `VAE`.
        encoder: called like `jlml.networks.ConvEncoder`.
        decoder: called like `jlml.networks.ConvDecoder`.
        common: what every `Autoencoder` takes.
    """

    def __init__(
        self,
        channels: Sequence[int] = (8, 16),
        code: Code = "dense",
        dense_channels: int = 16,
        beta: float = 1.0,
        kl_warmup_epochs: int = 0,
        encoder: Callable[..., nn.Module] = ConvEncoder,
        decoder: Callable[..., nn.Module] = ConvDecoder,
        **common: Any,
    ) -> None:
        sizes = code_sizes(channels, code, dense_channels, common)
        super().__init__(
            channels, beta, kl_warmup_epochs, partial(encoder, **sizes), partial(decoder, **sizes), **common
        )


def code_sizes(
    channels: Sequence[int], code: Code, dense_channels: int, common: Mapping[str, Any]
) -> dict[str, Any]:
    """What both networks must know of the code besides its length.

    Raises:
        UserError: a spatial code does not fill the last maps. Said here, where the latent dim is known: a
            VAE's encoder gives two numbers a dimension.
    """
    if code == "spatial":
        spatial_maps(common["latent_dim"], common["image_shape"], len(channels) + 1)
    return {"code": code, "dense_channels": dense_channels}
