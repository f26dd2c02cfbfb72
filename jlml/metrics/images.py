"""How near a picture is to an image, by the field's two usual scores besides the yardsticks."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from jlml.shapes import Images, PerImage

SMALLEST = 11  # pixels: SSIM looks through a window of 11 x 11


def psnr(mean: Images, images: Images) -> PerImage:
    """Peak signal-to-noise ratio in dB, -10 log10(mse): infinite for a perfect picture."""
    return peak_signal_noise_ratio(mean, images, data_range=1.0, reduction="none", dim=(1, 2, 3))


def ssim(mean: Images, images: Images) -> PerImage:
    """Structural similarity, at most 1, through a Gaussian window of 11 x 11 pixels; needs 11 x 11 images.

    Averaged over all pixels, the image mirrored at its border; some average over whole windows only.
    Source: Wang et al. 2004, "Image quality assessment".
    """
    score = structural_similarity_index_measure(mean, images, data_range=1.0, reduction="none")
    assert isinstance(score, Tensor)
    return torch.atleast_1d(score)
