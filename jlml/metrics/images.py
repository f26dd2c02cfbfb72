"""Similarity of two images: PSNR and SSIM."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from jlml.shapes import Images, PerImage

SMALLEST = 11  # smallest image for SSIM, in pixels per side


def psnr(mean: Images, images: Images) -> PerImage:
    """Peak signal-to-noise ratio in dB, -10 log10(mse): infinite for equal images."""
    return peak_signal_noise_ratio(mean, images, data_range=1.0, reduction="none", dim=(1, 2, 3))


def ssim(mean: Images, images: Images) -> PerImage:
    """Structural similarity, at most 1, with a Gaussian window of 11 x 11 pixels.

    Averaged over all pixels, with the image mirrored at its border. Some implementations average only over
    windows inside the image.
    Source: Wang et al. 2004, "Image quality assessment".
    """
    score = structural_similarity_index_measure(mean, images, data_range=1.0, reduction="none")
    assert isinstance(score, Tensor)
    return torch.atleast_1d(score)
