"""PSNR and SSIM against their formulas, sharpness on known images."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from jlml.metrics.images import gradient_energy, grey_share, psnr, ssim


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


def test_sharpness_of_known_images():
    grey = torch.full((1, 1, 6, 6), 0.5)
    board = (torch.arange(6)[:, None] + torch.arange(6)).remainder(2).float()[None, None]
    edge = torch.zeros(1, 1, 6, 6)
    edge[..., 3:] = 1
    assert [gradient_energy(some).item() for some in (grey, board)] == [0, 2]
    assert gradient_energy(edge).item() == pytest.approx(1 / 5)  # one of five differences in each row
    assert gradient_energy((edge + edge.roll(1, 3)) / 2).item() < gradient_energy(edge).item()
    assert [grey_share(some).item() for some in (grey, board)] == [1, 0]
