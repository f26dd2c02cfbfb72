"""A Gaussian loss that learns its standard deviation, one for all pixels.

    python train.py model=vae loss=mse loss._target_=examples.learned_gaussian.LearnedGaussian ~loss.link

The likelihood is highest where the variance is the mean squared error, so the weight between reconstruction
and KL needs no tuning. Source: Rybkin et al. 2021, "Simple and effective VAE training with calibrated
decoders", which calls it sigma-VAE.
"""

from math import log, pi

import torch
from torch import nn

from jlml.losses import ObservationModel, at_least_float32
from jlml.shapes import Images, PerImage


class LearnedGaussian(ObservationModel):
    """Normal pixels with one trained scale: (x - mean)^2 / (2 scale^2) + log(scale) + log(2 pi) / 2 nats.

    Args:
        scale: standard deviation of a pixel before training.
    """

    description = "Gaussian pixels with a learned scale"
    SMALLEST = log(1e-3)  # without a limit, a model that reconstructs perfectly has an infinite likelihood

    def __init__(self, scale: float = 0.2) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(log(scale)))

    def mean(self, logits: Images) -> Images:
        return torch.sigmoid(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        log_scale = self.log_scale.clamp_min(self.SMALLEST)
        squares = ((images - self.mean(logits)) / log_scale.exp()).square().sum((1, 2, 3)) / 2
        return squares + images[0].numel() * (log_scale + log(2 * pi) / 2)
