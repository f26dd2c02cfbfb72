"""PSNR and SSIM against their formulas."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from jlml.metrics.images import psnr, ssim


def test_psnr_is_the_mse_in_decibels():
    images = torch.zeros(3, 1, 12, 12)
    off = torch.tensor([0.1, 1.0, 0.0]).reshape(3, 1, 1, 1).expand_as(images)
    assert psnr(off, images).tolist() == pytest.approx([20, 0, float("inf")])


def test_ssim_equals_its_formula():
    """SciPy computes local means, variances and covariance under a Gaussian window of scale 1.5."""
    generator = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 1, 1, 13, 12, generator=generator).double()

    def centre(values):
        return gaussian_filter(values, 1.5, truncate=5 / 1.5, mode="mirror")

    x, y = one[0, 0].numpy(), other[0, 0].numpy()
    mean_x, mean_y = centre(x), centre(y)
    covariance = centre(x * y) - mean_x * mean_y
    variance_x, variance_y = centre(x * x) - mean_x**2, centre(y * y) - mean_y**2
    a, b = 0.01**2, 0.03**2
    expected = (2 * mean_x * mean_y + a) * (2 * covariance + b)
    expected /= (mean_x**2 + mean_y**2 + a) * (variance_x + variance_y + b)
    assert ssim(one, other).item() == pytest.approx(expected.mean(), rel=1e-6)
