"""A denoising autoencoder: it encodes an image with noise and has to reconstruct the image without it.

    python train.py model=ae model._target_=examples.denoising_ae.DenoisingAE +model.noise=0.5 loss=bce

To reconstruct what it does not see, the network has to learn which images are likely. Source: Vincent et al.
2008, "Extracting and composing robust features with denoising autoencoders".
"""

from typing import Any

import torch

from jlml.errors import UserError
from jlml.models import AE
from jlml.models.autoencoder import Output
from jlml.shapes import Codes, Images


class DenoisingAE(AE):
    """An autoencoder that sees images with Gaussian noise in training, and clean ones otherwise.

    Args:
        noise: standard deviation of the noise, for pixels in [0, 1].
        options: see `AE`.
    """

    def __init__(self, *, noise: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        if noise < 0:
            raise UserError(f"model.noise={noise} is invalid: expected a number >= 0.")
        self.noise = noise

    def forward(self, images: Images, noise: Codes | None = None) -> Output:
        seen = images + self.noise * torch.randn_like(images) if self.training else images
        logits = self.decoder(self.encoder(seen.clamp(0, 1)))
        return Output(logits, {"nll": self.loss.nll(logits, images)}, {})
