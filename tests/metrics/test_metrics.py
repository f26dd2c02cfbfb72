"""Running means over batches of different sizes, common metrics, active units, and fitted Gaussians."""

import math

import pytest
import torch

from jlml.losses import Bernoulli
from jlml.metrics import RunningMean, bce, common_metrics, mse
from jlml.metrics.codes import active_units
from jlml.metrics.gaussian import fit_gaussian


def test_a_running_mean_weights_images_equally_not_batches():
    values = torch.arange(10.0)
    running = RunningMean()
    for batch in values.split(4):
        running.update({"x": batch})
    running.update({"y": torch.tensor([2.0])})
    assert running.means() == {"x": 4.5, "y": 2.0}
    running.clear()
    assert running.means() == {}


def test_the_bce_of_a_bernoulli_mean_equals_its_nll():
    logits = torch.linspace(-25, 12, 784).reshape(1, 1, 28, 28)
    images = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        bce(logits.sigmoid(), images), Bernoulli().nll(logits, images), rtol=1e-5, atol=0
    )


def test_mse_is_per_pixel_and_bce_per_image():
    images = torch.zeros(2, 1, 4, 4)
    images[1] = 1
    mean = torch.full_like(images, 0.25)
    assert mse(mean, images).tolist() == pytest.approx([0.0625, 0.5625])
    assert bce(mean, images).tolist() == pytest.approx([16 * -math.log(0.75), 16 * -math.log(0.25)])


def test_a_mean_outside_the_unit_interval_has_a_large_but_finite_bce():
    images = torch.tensor([0.5, 0.5]).reshape(1, 1, 1, 2)
    values = common_metrics(torch.tensor([-0.1, 1.1]).reshape(1, 1, 1, 2), images)
    assert 5 < values["bce"].item() < 30


def test_active_units_counts_the_dimensions_that_vary():
    codes = torch.randn(5000, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 0.5, 0.05, 0.0]
    )
    assert active_units(codes) == 2
    assert active_units(100 * codes, relative=True) == 2
    assert active_units(100 * codes) == 3


def test_the_mean_image_of_full_mnist_has_its_known_scores(mnist_root):
    """MSE .06747 per pixel, BCE 205.8 nats. The lowest possible BCE is the image entropy, 45.53 nats."""
    from jlml.data.mnist import load

    source = load("mnist", mnist_root)
    test = source.test_images.float() / 255
    mean = (source.images.float().mean(0, keepdim=True) / 255).expand_as(test)
    values = common_metrics(mean, test)
    assert values["mse"].mean().item() == pytest.approx(0.06747, abs=5e-6)
    assert values["bce"].mean().item() == pytest.approx(205.8, abs=0.3)
    assert bce(test, test).mean().item() == pytest.approx(45.53, abs=0.01)


@pytest.mark.parametrize(("count", "latent_dim"), [(50, 3), (5, 8)])
def test_a_fitted_gaussian_has_the_mean_and_the_covariance_of_the_codes(count, latent_dim):
    codes = torch.randn(count, latent_dim) @ torch.randn(latent_dim, latent_dim)
    mean, scale = fit_gaussian(codes)
    assert scale.shape == (latent_dim, latent_dim)
    assert torch.allclose(mean, codes.mean(0))
    assert torch.allclose(scale @ scale.T, torch.cov(codes.T, correction=0), atol=1e-4)
