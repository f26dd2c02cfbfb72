"""Encoders and decoders: plain modules that return logits and are independent of the loss.

An encoder is built with (image_shape, sizes, outputs) and maps images (B, C, H, W) to (B, outputs).
A decoder is built with (latent_dim, sizes, image_shape) and maps codes (B, latent_dim) to logits
(B, C, H, W). Use your own class with these signatures through ``model.encoder._target_=...``.
"""

from jlml.networks.conv import ConvDecoder, ConvEncoder
from jlml.networks.mlp import MLPDecoder, MLPEncoder
from jlml.networks.pooled import PooledDecoder, PooledEncoder

__all__ = ["ConvDecoder", "ConvEncoder", "MLPDecoder", "MLPEncoder", "PooledDecoder", "PooledEncoder"]
