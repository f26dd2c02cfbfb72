"""Observation models against torch.distributions."""

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Normal

from jlml.errors import UserError
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian


@pytest.fixture
def logits():
    return 6 * torch.randn(5, 1, 7, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def images():
    return torch.rand(5, 1, 7, 6, generator=torch.Generator().manual_seed(1))


def test_the_gaussian_nll_is_that_of_the_normal_density(logits, images):
    reference = Normal(logits, 0.3).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(Gaussian(0.3, "identity").nll(logits, images), -reference)
    reference = Normal(logits.sigmoid(), 0.3).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(Gaussian(0.3, "sigmoid").nll(logits, images), -reference)


def test_the_bernoulli_nll_is_that_of_the_probability_mass(logits, images):
    bits = images.round()
    reference = TorchBernoulli(logits=logits).log_prob(bits).sum((1, 2, 3))
    torch.testing.assert_close(Bernoulli().nll(logits, bits), -reference)


@pytest.mark.parametrize("size", [0.1, 6, 60, 1e30])
def test_cross_entropy_has_the_gradient_of_torch_bit_for_bit_and_an_accurate_value(logits, images, size):
    logits = size * logits.requires_grad_()
    images = images.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        ours = Bernoulli().nll(logits, images)
        theirs = F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum((1, 2, 3))
    each = torch.arange(5.0)  # one weight per image
    slopes, expected = (torch.autograd.grad(nll, (logits, images), each) for nll in (ours, theirs))
    assert torch.equal(slopes[0], expected[0])
    torch.testing.assert_close(slopes[1], expected[1])

    exact_logits, exact_images = logits.detach().double(), images.detach().double()
    exact = F.binary_cross_entropy_with_logits(exact_logits, exact_images, reduction="none").sum((1, 2, 3))
    torch.testing.assert_close(ours.double(), exact, rtol=1e-6, atol=0)


def test_cross_entropy_has_a_second_derivative(logits, images):
    logits, images = (tensor.double().requires_grad_() for tensor in (logits, images))
    assert torch.autograd.gradgradcheck(Bernoulli().nll, (logits, images))


def test_the_mean_of_a_continuous_bernoulli_is_not_lambda():
    lambdas = torch.tensor([0.01, 0.1, 0.5, 0.9]).reshape(1, 1, 2, 2)
    pictures = ContinuousBernoulli().pictures(lambdas.logit())
    torch.testing.assert_close(pictures["lambda"], lambdas)
    expected = torch.tensor([0.207, 0.330, 0.5, 0.670]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(pictures["mean"], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("model", [Gaussian(), Bernoulli(), ContinuousBernoulli()])
def test_the_nll_of_16_bit_logits_is_summed_in_float32(model, logits, images):
    nll = model.nll(logits.bfloat16(), images)
    assert nll.dtype == torch.float32
    torch.testing.assert_close(nll, model.nll(logits.bfloat16().float(), images))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Gaussian(scale=-1),
        lambda: Gaussian(scale=float("nan")),
        lambda: Gaussian(link="probit"),
        lambda: ContinuousBernoulli(limit=0.5),
        lambda: ContinuousBernoulli(limit=-1e-9),
    ],
)
def test_invalid_parameters_are_refused(build):
    with pytest.raises(UserError, match="is invalid: expected"):
        build()


@pytest.mark.parametrize(
    ("loss", "error", "of_mean", "of_sum"),
    [
        (Gaussian(0.2), lambda mean, images: (mean - images).square(), 9800, 12.5),
        (Bernoulli(), lambda mean, images: F.binary_cross_entropy(mean, images, reduction="none"), 784, 1),
    ],
)
def test_a_loss_with_the_mean_or_the_sum_over_pixels_is_one_with_another_weight_of_the_kl(
    loss, error, of_mean, of_sum
):
    """docs/training.md: the nats change as that many times the mean, or the sum, over 28 x 28 pixels."""
    images, one, other = (torch.rand(1, 1, 28, 28, dtype=torch.double) for _ in range(3))
    nats = loss.nll(one, images) - loss.nll(other, images)
    errors = error(loss.mean(one), images) - error(loss.mean(other), images)
    torch.testing.assert_close(nats, of_mean * errors.mean((1, 2, 3)))
    torch.testing.assert_close(nats, of_sum * errors.sum((1, 2, 3)))
