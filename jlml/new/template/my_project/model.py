"""An autoencoder whose codes are pulled towards zero."""

from typing import Any

from jlml.models import AE
from jlml.models.autoencoder import Output
from jlml.shapes import Codes, Images


class SparseAE(AE):
    """The loss is -log p(x | z) + weight * |z|, summed over the code, in nats per image.

    Args:
        weight: weight of the absolute values of the code.
        options: those of jlml's AE, for example hidden=[128, 64].
    """

    def __init__(self, *, weight: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.weight = weight

    def forward(self, images: Images, noise: Codes | None = None) -> Output:
        codes = self.encoder(images)
        logits = self.decoder(codes)
        terms = {"nll": self.loss.nll(logits, images), "sparsity": self.weight * codes.abs().sum(1)}
        return Output(logits, terms, {})
