"""Bounds on log p(x) of a linear-Gaussian VAE, which has closed forms for log p(x) and the posterior."""

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from jlml.losses import Gaussian
from jlml.metrics.importance import importance_bounds, reported_draws
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import VAE

SCALE = 0.5
SHAPE = (1, 2, 3)


@pytest.fixture
def linear():
    """A VAE with its exact posterior, images drawn from the VAE, and their log p(x).

    x = W z + b + scale e, so p(x) = N(b, W W' + scale^2 I), and q(z | x) = N(S W' (x - b) / scale^2, S)
    with S = (I + W' W / scale^2)^-1. S is diagonal because the columns of W are orthogonal.
    """
    torch.manual_seed(0)
    weight = torch.linalg.qr(torch.randn(6, 2)).Q * torch.tensor([2.0, 0.7])
    offset = torch.randn(6)
    model = VAE(hidden=[], image_shape=SHAPE, latent_dim=2, loss=Gaussian(scale=SCALE, link="identity"))
    covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / SCALE**2)
    to_mean = covariance @ weight.T / SCALE**2
    model.decoder[0].weight.data, model.decoder[0].bias.data = weight, offset
    model.encoder[1].weight.data = torch.cat([to_mean, torch.zeros(2, 6)])
    model.encoder[1].bias.data = torch.cat([-to_mean @ offset, covariance.diagonal().log()])
    marginal = MultivariateNormal(offset.double(), (weight @ weight.T + SCALE**2 * torch.eye(6)).double())
    images = marginal.sample((20,)).float()
    return model.requires_grad_(False), images.reshape(-1, *SHAPE), marginal.log_prob(images.double())


def bounds_of(model, images, draws):
    """The bounds, and the ELBO of each image."""
    mean, log_variance = model.posterior(images)
    generator = torch.Generator().manual_seed(0)
    bounds = importance_bounds(
        mean,
        log_variance,
        lambda codes: model.loss.nll(model.decoder(codes), images).double(),
        draws,
        lambda _: torch.randn(mean.shape, generator=generator),
    )
    return bounds, -bounds.distortion - kl_to_standard_normal(mean, log_variance).sum(1).double()


def test_with_the_exact_posterior_every_bound_equals_the_log_likelihood(linear):
    model, images, log_likelihood = linear
    bounds, elbo = bounds_of(model, images, 300)
    for bound in bounds.importance.values():  # all weights are equal, so one draw is enough
        torch.testing.assert_close(bound, log_likelihood, atol=1e-4, rtol=0)
    torch.testing.assert_close(bounds.effective, torch.full((20,), 300.0).double(), atol=0.01, rtol=0)
    assert elbo.mean().item() == pytest.approx(log_likelihood.mean().item(), abs=0.05)


def test_with_a_wrong_posterior_the_elbo_is_too_low_by_the_kl_and_the_bound_is_tight(linear):
    model, images, log_likelihood = linear
    exact_mean, exact_log_variance = model.posterior(images)
    model.encoder[1].bias.data += torch.tensor([0.3, -0.2, 0.5, 0.8])  # shifted and too wide
    mean, log_variance = model.posterior(images)
    gap = kl_divergence(
        Normal(mean.double(), (log_variance.double() / 2).exp()),
        Normal(exact_mean.double(), (exact_log_variance.double() / 2).exp()),
    ).sum(1)
    bounds, elbo = bounds_of(model, images, 3000)
    torch.testing.assert_close(elbo, log_likelihood - gap, atol=0.15, rtol=0)
    assert elbo.mean().item() == pytest.approx((log_likelihood - gap).mean().item(), abs=0.03)
    torch.testing.assert_close(bounds.importance[3000], log_likelihood, atol=0.1, rtol=0)
    means = [bounds.importance[k].mean() for k in (1, 10, 100)]
    assert means[0] < means[1] < means[2]


def test_the_bound_is_reported_for_1_2_5_10_and_further_draws():
    assert reported_draws(1) == [1]
    assert reported_draws(100) == [1, 2, 5, 10, 20, 50, 100]
    assert reported_draws(5000)[-3:] == [1000, 2000, 5000]
