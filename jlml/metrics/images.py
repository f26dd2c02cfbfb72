"""Scores of images: PSNR, SSIM, and how blurred one is."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from jlml.shapes import Images, PerImage

SMALLEST = 11  # smallest image for SSIM, in pixels per side
GREY = (0.1, 0.9)


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


def gradient_energy(images: Images) -> PerImage:
    """The mean squared difference between neighbouring pixels, to the right and below. Blur makes it low.

    Zero for one grey level; the most, 2, for a chessboard of black and white pixels.
    """
    across, down = images.diff(dim=3).square(), images.diff(dim=2).square()
    return across.mean((1, 2, 3)) + down.mean((1, 2, 3))


def grey_share(images: Images) -> PerImage:
    """The share of pixels that are neither black nor white: from .1 to .9."""
    return ((images > GREY[0]) & (images < GREY[1])).double().mean((1, 2, 3))
