"""Pixel treatments (grey, dequantized, binarized) and image sizes."""

import pytest
import torch
from torch import Generator

from jlml.data.pixels import binarized, dequantized, fit_to, grey


@pytest.fixture
def images():
    return torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(400, 1, 1, 1)


def test_grey_scales_to_the_unit_interval(images):
    assert torch.equal(grey(images, Generator())[0].flatten(), torch.arange(256) / 255)


def test_dequantized_is_uniform_within_each_grey_level(images):
    pixels = dequantized(images, Generator().manual_seed(0))
    assert 0 <= pixels.min() <= pixels.max() < 1
    assert torch.equal((pixels * 256).floor().byte(), images)
    within = pixels * 256 - images
    assert within.mean().item() == pytest.approx(0.5, abs=3e-3)  # standard error 9e-4
    assert within.var().item() == pytest.approx(1 / 12, abs=2e-3)


def test_binarized_uses_the_grey_value_of_a_pixel_as_its_probability(images):
    pixels = binarized(images, Generator().manual_seed(0))
    assert set(pixels.unique().tolist()) == {0.0, 1.0}
    assert pixels[:, 0, 0, 0].sum() == 0
    assert pixels[:, 0, -1, -1].mean() == 1
    error = pixels.mean(0).flatten() - torch.arange(256) / 255
    assert error.abs().max() < 0.12  # 5 standard errors of 400 draws
    assert abs(error.mean()) < 5e-3


def test_padding_centres_the_image_and_keeps_every_pixel(images):
    padded = fit_to(images[:2], 21, "pad")
    assert padded.shape == (2, 1, 21, 21)
    assert torch.equal(padded[..., 2:18, 2:18], images[:2])
    assert padded.long().sum() == images[:2].long().sum()


def test_images_of_any_shape_become_squares():
    wide = torch.zeros(2, 3, 20, 40, dtype=torch.uint8)
    wide[..., 10:30] = 200  # the middle
    padded, cropped, resized = (fit_to(wide, 16, fit) for fit in ("pad", "crop", "resize"))
    for each in (padded, cropped, resized):
        assert each.shape == (2, 3, 16, 16)
        assert each.dtype == torch.uint8
    assert (padded[..., :4, :] == 0).all()  # 16 x 8 pixels, between black bars
    assert (padded[..., 4:12, 5:11] == 200).all()
    assert (cropped[..., 2:14] == 200).all()
    assert (resized[..., 5:11] == 200).all()
    assert (resized[..., :3] == 0).all()


def test_resizing_keeps_the_mean_grey_value():
    smooth = torch.linspace(0, 255, 28).byte().expand(3, 1, 28, 28).contiguous()
    for size in (14, 20, 32):
        resized = fit_to(smooth, size, "resize")
        assert resized.shape == (3, 1, size, size)
        assert resized.dtype == torch.uint8
        assert resized.float().mean().item() == pytest.approx(smooth.float().mean().item(), abs=1)
