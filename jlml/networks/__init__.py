"""Encoders and decoders: plain modules, logits out. Know no loss.

An encoder is called with (image_shape, sizes, outputs) and maps images (B, C, H, W) to (B, outputs);
a decoder is called with (latent_dim, sizes, image_shape) and maps codes (B, latent_dim) to logits
(B, C, H, W). Any class that keeps to this plugs in by its dotted path: ``model.encoder._target_=...``.
"""

from jlml.networks.conv import ConvDecoder, ConvEncoder
from jlml.networks.mlp import MLPDecoder, MLPEncoder

__all__ = ["ConvDecoder", "ConvEncoder", "MLPDecoder", "MLPEncoder"]
