"""LightningModules that combine networks and a loss."""

from jlml.models.ae import AE
from jlml.models.autoencoder import Autoencoder, Output
from jlml.models.conv import ConvAE, ConvVAE
from jlml.models.vae import VAE

__all__ = ["AE", "VAE", "Autoencoder", "ConvAE", "ConvVAE", "Output"]
