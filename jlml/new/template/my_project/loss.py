"""Laplace pixels: their loss is the absolute error, which outliers affect less than the squared error."""

from math import log

import torch
from jlml.losses import ObservationModel, at_least_float32
from jlml.shapes import Images, PerImage


class Laplace(ObservationModel):
    """-log p(x) = |x - mean| / scale + log(2 scale), in nats, summed over the pixels of an image.

    Args:
        scale: mean absolute deviation of a pixel, for pixels in [0, 1].
    """

    description = "Laplace pixels"

    def __init__(self, scale: float = 0.1) -> None:
        super().__init__()
        self.scale = scale

    def mean(self, logits: Images) -> Images:
        return torch.sigmoid(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        errors = (images - self.mean(logits)).abs() / self.scale
        return (errors + log(2 * self.scale)).sum((1, 2, 3))
