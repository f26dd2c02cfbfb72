"""Metrics that every run reports, whatever its loss, so that runs can be compared."""

import torch
import torch.nn.functional as F

from jlml.shapes import Images, PerImage

# A mean image can reach 0 or 1, and a Gaussian's can leave [0, 1]: the bounds keep the cross-entropy finite.
# A float32 sigmoid still distinguishes them from 0 and 1, so a Bernoulli's mean scores exactly its own nll.
LOWEST, HIGHEST = 1e-12, 1 - 2**-24


def mse(mean: Images, images: Images) -> PerImage:
    """Squared error per pixel, averaged over the pixels of an image."""
    return F.mse_loss(mean, images, reduction="none").mean((1, 2, 3))


def bce(mean: Images, images: Images) -> PerImage:
    """Cross-entropy of the mean image in nats, summed over the pixels of an image.

    The mean is clamped to [1e-12, 1 - 6e-8]. For grey images a perfect reconstruction does not score 0.
    """
    clamped = mean.clamp(LOWEST, HIGHEST)
    # ten times as fast on a CPU as F.binary_cross_entropy, which torch does not vectorise
    return -torch.lerp(torch.log1p(-clamped), clamped.log(), images).sum((1, 2, 3))


def common_metrics(mean: Images, images: Images) -> dict[str, PerImage]:
    """The common metrics of mean images, by name."""
    return {"mse": mse(mean, images), "bce": bce(mean, images)}
