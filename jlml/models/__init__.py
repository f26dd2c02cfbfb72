"""LightningModules that join networks, losses and data."""

from jlml.models.ae import AE
from jlml.models.base import Autoencoder, Pass
from jlml.models.build import build_model
from jlml.models.conv import ConvAE, ConvVAE
from jlml.models.vae import VAE

__all__ = ["AE", "VAE", "Autoencoder", "ConvAE", "ConvVAE", "Pass", "build_model"]
