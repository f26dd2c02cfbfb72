"""The continuous Bernoulli in its logit eta, exact in float32 for every finite eta, gradients included.

Its density on [0, 1] is p(x) = exp(x eta - A(eta)), an exponential family with log partition function

    A(eta) = log((e^eta - 1) / eta),

so the mean, the variance and the third cumulant are the first three derivatives of A. The gradient of each
function here is the next one. Two numerical problems and their solutions:

- Near eta = 0 the closed forms subtract almost equal numbers and end in 0/0. There the Taylor series of
  log(sinh(y) / y), y = eta / 2, replaces them. It converges for |eta| < 2 pi.
- For large |eta| they overflow. Written in a = |eta| and e^-a they do not, and symmetry gives the sign.

`torch.distributions.ContinuousBernoulli` uses its series only for lambda in (.499, .501). Just outside, in
float32, its variance is off by up to 1.6; the true value is .083.
Source: Loaiza-Ganem & Cunningham 2019, rewritten in the logit.
"""

from collections.abc import Callable
from fractions import Fraction
from math import factorial, perm
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

# Bernoulli numbers B_2, B_4, ..., B_20
_BERNOULLI = [
    Fraction(*ratio)
    for ratio in [
        (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66),
        (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330),
    ]
]  # fmt: skip

# Below |eta| = 1 the closed forms of A' and A'' lose a digit, and six terms of their series are exact to
# float32. The third derivative loses more, so its series covers a larger range and needs all ten terms.
MOST_STEPS, CLOSE = 100, 1e-12  # of Newton's method: a step doubles |eta| at most, and 2^100 is enough
_NEAR, _TERMS = 1.0, 6
_NEAR_THIRD, _TERMS_THIRD = 2.5, 10


def _series(order: int, terms: int) -> list[float]:
    """Coefficients of the ``order``-th derivative of A(eta) - eta / 2, from the lowest power, in steps of 2.

    A(eta) - eta / 2 = log(sinh(eta/2) / (eta/2)) = sum over n >= 1 of B_2n / (2n (2n)!) eta^2n.
    """
    coefficients = []
    for n, bernoulli in enumerate(_BERNOULLI[:terms], start=1):
        power = 2 * n
        if power >= order:
            coefficients.append(float(bernoulli * perm(power, order) / (power * factorial(power))))
    return coefficients


_MEAN, _VARIANCE, _THIRD = _series(1, _TERMS), _series(2, _TERMS), _series(3, _TERMS_THIRD)

# 1 / eta - 1 / sinh(eta), odd powers from the first: sum of 2 (2^(2n-1) - 1) B_2n / (2n)! eta^(2n-1).
# It converges only for |eta| < pi.
_SLOPE = [
    float(2 * (2 ** (2 * n - 1) - 1) * bernoulli / factorial(2 * n))
    for n, bernoulli in enumerate(_BERNOULLI, start=1)
]


def _polynomial(coefficients: list[float], x: Tensor) -> Tensor:
    value = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value.mul_(x).add_(coefficient)  # Horner's method, in place: autograd does not trace this
    return value


def _two_branches(
    eta: Tensor, near: Callable[[Tensor], Tensor], far: Callable[[Tensor], Tensor], bound: float = _NEAR
) -> Tensor:
    """``near`` where |eta| < bound, ``far`` elsewhere. Each gets only arguments in its own range.

    `lerp` with a float mask is exact at weights 0 and 1. On a CPU it is ten times as fast as `where` with a
    boolean mask.
    """
    is_near = eta.abs().lt_(bound)
    away_from_zero = torch.add(eta, is_near, alpha=2 * bound)
    return torch.lerp(far(away_from_zero), near(eta.clamp(-bound, bound)), is_near)


def _is_positive(eta: Tensor) -> Tensor:
    """1 where eta > 0, else 0, as floats."""
    return eta.clone().gt_(0)


class _LogNormalizer(torch.autograd.Function):
    """log C = log(eta / tanh(eta / 2)); its gradient is 1 / eta - 1 / sinh(eta)."""

    @staticmethod
    def forward(ctx: Any, eta: Tensor) -> Tensor:
        ctx.save_for_backward(eta)
        return F.softplus(-eta.abs()) - _log_partition_tail(eta)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (eta,) = ctx.saved_tensors

        def far(eta: Tensor) -> Tensor:
            a = eta.abs()
            return torch.sign(eta) * (1 / a + 2 * torch.exp(-a) / torch.expm1(-2 * a))

        def near(eta: Tensor) -> Tensor:
            return eta * _polynomial(_SLOPE, eta.square())

        return gradient * _two_branches(eta, near, far)


class _LogProb(torch.autograd.Function):
    """log p(x) = x eta - A(eta); its gradient in eta is x - mean, in x it is eta."""

    @staticmethod
    def forward(ctx: Any, eta: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(eta, x)
        # x eta - max(eta, 0) = -|eta| |[eta > 0] - x|: written as a difference of two large numbers, it
        # would lose the significant digits
        distance = (_is_positive(eta) - x).abs_()
        return distance.mul_(eta.abs()).add_(_log_partition_tail(eta)).neg_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        eta, x = ctx.saved_tensors
        return gradient * (x - mean(eta)), gradient * eta if ctx.needs_input_grad[1] else None


def _log_partition_tail(eta: Tensor) -> Tensor:
    """A(eta) - max(eta, 0) = log((1 - e^-a) / a), a = |eta|: at most 0, without cancellation."""
    # a quotient of two small numbers is accurate, only 0 / 0 is undefined; 1e-30 gives the limit at 0
    a = eta.abs().clamp_min_(1e-30)
    return torch.expm1(-a).neg_().div_(a).log_()


class _Mean(torch.autograd.Function):
    """A'(eta) = 1 / (1 - e^-eta) - 1 / eta."""

    @staticmethod
    def forward(ctx: Any, eta: Tensor) -> Tensor:
        ctx.save_for_backward(eta)

        def near(eta: Tensor) -> Tensor:
            return eta * _polynomial(_MEAN, eta.square()) + 0.5

        def far(eta: Tensor) -> Tensor:
            return torch.expm1(-eta).reciprocal_().add_(eta.reciprocal()).neg_()

        return _two_branches(eta, near, far)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (eta,) = ctx.saved_tensors
        return gradient * variance(eta)


class _Variance(torch.autograd.Function):
    """A''(eta) = 1 / eta^2 - 1 / (2 sinh(eta / 2))^2."""

    @staticmethod
    def forward(ctx: Any, eta: Tensor) -> Tensor:
        ctx.save_for_backward(eta)

        def far(eta: Tensor) -> Tensor:
            a = eta.abs()
            return a.pow(-2) - torch.exp(-a) / torch.expm1(-a).square()

        return _two_branches(eta, lambda eta: _polynomial(_VARIANCE, eta.square()), far)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (eta,) = ctx.saved_tensors
        return gradient * _third_cumulant(eta)


def _third_cumulant(eta: Tensor) -> Tensor:
    """A'''(eta) = cosh(eta/2) / (4 sinh(eta/2)^3) - 2 / eta^3, an odd function."""

    def far(eta: Tensor) -> Tensor:
        a = eta.abs()
        decay = torch.exp(-a)
        size = 2 * a.pow(-3) - decay * (1 + decay) / torch.expm1(-a).neg().pow(3)
        return -torch.sign(eta) * size

    def near(eta: Tensor) -> Tensor:
        return eta * _polynomial(_THIRD, eta.square())

    return _two_branches(eta, near, far, _NEAR_THIRD)


def mean(logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The expected value, in (0, 1). Its gradient is the variance."""
    return _Mean.apply(at_least_float32(logits))


def variance(logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The variance, at most 1/12. Its gradient is the third cumulant."""
    return _Variance.apply(at_least_float32(logits))


@torch.no_grad()
def logits_of_mean(means: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The logits eta whose expected value A'(eta) is given: the inverse of `mean`, in float64.

    Newton's method. For means up to 1/2, A' is convex where the solution is, so the steps from eta = 0 never
    pass it. Larger means follow by symmetry.

    Args:
        means: expected values in (0, 1).
    """
    means = means.double()
    target = torch.minimum(means, 1 - means)
    eta = torch.zeros_like(target)
    for _ in range(MOST_STEPS):
        step = (mean(eta) - target) / variance(eta)
        eta -= step
        if not (step.abs() > CLOSE * (1 + eta.abs())).any():
            break
    return torch.where(means <= 0.5, eta, -eta)


def log_normalizer(logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """log C in nats, at least log 2: the normalising constant of the Bernoulli form on [0, 1]."""
    return _LogNormalizer.apply(at_least_float32(logits))


def log_prob(logits: Float[Tensor, "..."], x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """log p(x) in nats, elementwise, for x in [0, 1]."""
    return _LogProb.apply(at_least_float32(logits), x)


def at_least_float32(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Casts the 16-bit logits of autocast to float32, which these formulas and sums over pixels need."""
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
