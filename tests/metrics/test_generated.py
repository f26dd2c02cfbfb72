"""Scores of generated images in feature space, on cases with a known answer."""

import math

import pytest
import torch

from jlml.metrics.aggregate import log_aggregate_posterior, log_standard_normal
from jlml.metrics.frechet import frechet_distance, jackknife_error
from jlml.metrics.overlap import overlap, radii


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def with_moments(mean, covariance, count=4000):
    """Points that have exactly this sample mean and this unbiased sample covariance."""
    points = draws(count, len(mean)).double()
    points -= points.mean(0)
    whitened = points @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(points.T))).T
    return mean + whitened @ torch.linalg.cholesky(covariance).T


def test_the_frechet_distance_of_gaussians_equals_the_closed_form():
    """For covariances that commute it is |m1 - m2|^2 + sum (sqrt(a) - sqrt(b))^2."""
    turn = torch.linalg.qr(draws(3, 3).double()).Q
    variances = torch.tensor([[1.0, 4.0, 0.25], [9.0, 1.0, 0.25]]).double()
    means = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]]).double()
    one, other = (
        with_moments(m, turn @ torch.diag(v) @ turn.T) for m, v in zip(means, variances, strict=True)
    )
    expected = (means[0] - means[1]).square().sum() + (
        variances[0].sqrt() - variances[1].sqrt()
    ).square().sum()
    assert frechet_distance(one, other) == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_the_jackknife_error_equals_the_spread_over_draws():
    real = draws(3000, 4)
    others = [draws(500, 4, seed=seed) * 1.2 + 0.2 for seed in range(1, 40)]
    spread = torch.tensor([frechet_distance(real, other) for other in others]).std().item()
    estimated = sum(jackknife_error(real, other) for other in others) / len(others)
    assert estimated == pytest.approx(spread, rel=0.3)


def test_the_jackknife_of_a_mean_is_its_standard_error(monkeypatch):
    """The textbook case: leaving out one value at a time gives s / sqrt(n)."""
    monkeypatch.setattr("jlml.metrics.frechet.frechet_distance", lambda real, other: other.mean().item())
    values = draws(20, 1).double()
    expected = values.std().item() / 20**0.5
    assert jackknife_error(values, values) == pytest.approx(expected, rel=1e-9)


def test_the_overlap_of_points_on_a_line_equals_a_calculation_by_hand():
    """With k = 1 the real points 0, 1, 2, 3 have balls of radius 1. Those of .4 and 9.5 have radius 9.1."""
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    other = torch.tensor([[0.4], [9.5]])
    assert radii(real, 1).tolist() == pytest.approx([1, 1, 1, 1])
    found = overlap(real, other, radii(real, 1), 1)
    assert found.precision.tolist() == [True, False]
    assert found.density.tolist() == [2, 0]  # in the balls of 0 and of 1
    assert found.coverage.tolist() == [True, True, False, False]
    assert found.recall.tolist() == [True, True, True, True]


def test_two_draws_of_one_distribution_overlap_and_distant_ones_do_not():
    """Naeem et al. 2020: for draws of one distribution, density is about 1 and coverage about 1 - 2^-k."""
    real, other = draws(2000, 8), draws(2000, 8, seed=1)
    alike = [values.double().mean().item() for values in overlap(real, other, radii(real))]
    assert alike[1] == pytest.approx(1, abs=0.08)
    assert alike[3] == pytest.approx(1 - 2**-5, abs=0.03)
    apart = [values.double().mean().item() for values in overlap(real, other + 100, radii(real))]
    assert apart == [0, 0, 0, 0]


def test_the_aggregate_posterior_is_the_mixture_of_all_posteriors():
    mean, log_variance = draws(600, 3).double(), draws(600, 3, seed=1).double() - 4
    codes = draws(600, 3, seed=2).double()
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(600)),
        torch.distributions.Independent(torch.distributions.Normal(mean, (log_variance / 2).exp()), 1),
    )
    torch.testing.assert_close(log_aggregate_posterior(codes, mean, log_variance), mixture.log_prob(codes))
    assert log_standard_normal(torch.zeros(1, 2).double()).item() == pytest.approx(-math.log(2 * math.pi))
