"""The continuous Bernoulli against mpmath at 50 digits, numerical integration and torch.distributions."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from jlml.losses import ContinuousBernoulli
from jlml.losses import continuous_bernoulli as cb

mpmath.mp.dps = 50

# covers [-500, 500]; denser around 0, down to the smallest floats, and where the formula changes
LOGITS = np.unique(
    np.concatenate(
        [
            np.linspace(-500, 500, 401),
            np.linspace(-12, 12, 241),
            *(sign * np.linspace(0.9, 1.1, 41) for sign in (-1, 1)),
            *(sign * np.linspace(2.4, 2.6, 41) for sign in (-1, 1)),
            *(sign * np.logspace(-38, 2.698, 200) for sign in (-1, 1)),
            [0.0, 1e-45, -1e-45],
        ]
    ).astype(np.float32)
)


def log_normalizer(eta: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log(eta / mpmath.tanh(eta / 2))


def mean(eta: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 - mpmath.exp(-eta)) - 1 / eta


def variance(eta: mpmath.mpf) -> mpmath.mpf:
    return 1 / eta**2 - 1 / (4 * mpmath.sinh(eta / 2) ** 2)


def d_log_normalizer(eta: mpmath.mpf) -> mpmath.mpf:
    return 1 / eta - 1 / mpmath.sinh(eta)


def d_variance(eta: mpmath.mpf) -> mpmath.mpf:
    return mpmath.cosh(eta / 2) / (4 * mpmath.sinh(eta / 2) ** 3) - 2 / eta**3


LIMITS_AT_ZERO = {log_normalizer: mpmath.log(2), mean: 0.5, variance: mpmath.mpf(1) / 12}


def exact(function: object, eta: float) -> float:
    """The function at eta. Very near zero even 50 digits cancel, so its limit is used (0 if it is odd)."""
    if abs(eta) < 1e-12:
        return float(LIMITS_AT_ZERO.get(function, 0))
    return float(function(mpmath.mpf(eta)))


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (cb.log_normalizer, log_normalizer, d_log_normalizer),
        (cb.mean, mean, variance),
        (cb.variance, variance, d_variance),
    ],
)
def test_value_and_gradient_are_accurate_in_float32(function, value, slope):
    logits = torch.tensor(LOGITS, requires_grad=True)
    values = function(logits)
    (gradients,) = torch.autograd.grad(values.sum(), logits)
    assert values.dtype == gradients.dtype == torch.float32
    for got, reference in ((values, value), (gradients, slope)):
        true = np.array([exact(reference, float(eta)) for eta in LOGITS])
        np.testing.assert_allclose(got.detach().numpy(), true, rtol=1e-5, atol=1e-7)


@given(st.floats(-500, 500, width=32), st.floats(0, 1, width=32))
def test_log_prob_is_the_log_density_and_its_gradient_is_the_residual(eta, x):
    logits = torch.tensor([eta], requires_grad=True)
    images = torch.tensor([x], requires_grad=True)
    value = cb.log_prob(logits, images)
    by_logit, by_image = torch.autograd.grad(value, (logits, images))
    big = mpmath.mpf(logits.item())
    partition = mpmath.log(mpmath.expm1(big) / big) if abs(big) > 1e-30 else mpmath.mpf(0)
    np.testing.assert_allclose(value.item(), float(images.item() * big - partition), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_logit.item(), images.item() - exact(mean, logits.item()), atol=1e-6)
    assert by_image.item() == logits.item()


@pytest.mark.parametrize("eta", [-500.0, -30.0, -1.0, -1e-3, 0.0, 0.7, 2.5, 9.0, 80.0])
def test_the_density_integrates_to_one_and_has_the_computed_mean_and_variance(eta):
    def density(x: float) -> float:
        logits = torch.tensor([eta], dtype=torch.float64)
        return float(cb.log_prob(logits, torch.tensor([x], dtype=torch.float64)).exp())

    def integral(function) -> float:
        return quad(function, 0, 1, points=[1e-2, 0.5, 1 - 1e-2], limit=200)[0]

    logits = torch.tensor([eta])
    expected = float(cb.mean(logits))
    assert integral(density) == pytest.approx(1, abs=1e-7)
    assert integral(lambda x: x * density(x)) == pytest.approx(expected, rel=1e-5)
    assert integral(lambda x: (x - expected) ** 2 * density(x)) == pytest.approx(
        float(cb.variance(logits)), rel=1e-5
    )


def test_agrees_with_torch_where_torch_is_accurate():
    lambdas = torch.tensor([0.01, 0.1, 0.3, 0.7, 0.9, 0.99], dtype=torch.float64)
    reference = torch.distributions.ContinuousBernoulli(lambdas)
    logits = lambdas.logit()
    torch.testing.assert_close(cb.mean(logits), reference.mean)
    torch.testing.assert_close(cb.variance(logits), reference.variance)
    x = torch.full_like(lambdas, 0.3)
    torch.testing.assert_close(cb.log_prob(logits, x), reference.log_prob(x))


def test_gradients_agree_with_finite_differences():
    logits = torch.tensor([-8.0, -1.01, -0.99, 1e-3, 0.5, 2.49, 2.51, 8.0], dtype=torch.float64)
    logits.requires_grad_()
    images = torch.linspace(0.05, 0.95, 8, dtype=torch.float64, requires_grad=True)
    for function in (cb.mean, cb.variance, cb.log_normalizer):
        assert torch.autograd.gradcheck(function, logits)
    assert torch.autograd.gradcheck(cb.log_prob, (logits, images))
    assert torch.autograd.gradgradcheck(cb.mean, logits)


def test_nothing_is_nan_at_the_limits_of_float32_or_under_autocast():
    logits = torch.tensor([-torch.inf, -3e38, -89.0, -0.0, 0.0, 89.0, 3e38, torch.inf], requires_grad=True)
    for function in (cb.mean, cb.variance, cb.log_normalizer):
        values = function(logits)
        (gradients,) = torch.autograd.grad(values.sum(), logits)
        assert not values.isnan().any()
        assert not gradients.isnan().any()
    with torch.autocast("cpu", torch.bfloat16):
        weight = torch.randn(16, 16)
        logits = torch.randn(4, 16) @ weight
        assert logits.dtype == torch.bfloat16
        values = cb.log_prob(logits, torch.rand(4, 16))
    assert values.dtype == torch.float32
    torch.testing.assert_close(cb.mean(logits), cb.mean(logits.float()))


def test_the_limit_bounds_the_best_possible_score():
    """If every pixel is 0 or 1, it is log C at the limit: 1590 nats per image at 1e-4, 1743 at 1e-5."""
    images = torch.zeros(1, 1, 28, 28)
    for limit in (1e-4, 1e-5):
        model = ContinuousBernoulli(limit)
        best = -model.nll(torch.full_like(images, -1e4), images).item()
        eta = mpmath.log((1 - limit) / limit)
        assert best == pytest.approx(784 * float(mpmath.log(eta / mpmath.expm1(-eta) * -1)), rel=1e-5)
    assert ContinuousBernoulli(0).nll(torch.full_like(images, -1e4), images).item() < -best


def test_the_logits_of_a_mean_are_the_inverse_of_the_mean_also_where_it_is_extreme():
    means = torch.tensor([1e-12, 1e-6, 0.01, 0.2, 0.5 - 1e-9, 0.5, 0.6, 0.99, 1 - 1e-9], dtype=torch.float64)
    logits = cb.logits_of_mean(means)
    torch.testing.assert_close(cb.mean(logits), means, rtol=1e-9, atol=0)
    # for a small mean, p(x) is nearly an exponential density with this mean
    assert float(logits[0]) == pytest.approx(-1e12, rel=1e-9)
    known = torch.logit(torch.tensor(0.01, dtype=torch.float64))  # lambda .01 has mean .207
    torch.testing.assert_close(cb.logits_of_mean(cb.mean(known)), known)
