"""Importance-weighted bounds on log p(x), the likelihood of images under a VAE.

The ELBO averages the logarithm of the importance weights w = p(x, z) / q(z | x). The importance-weighted
bound is the logarithm of their average. It rises towards log p(x) with the number of draws.
Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", eq. 8.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from jlml.shapes import Codes

PerImage = Float64[Tensor, " images"]


@dataclass(frozen=True)
class Bounds:
    """Estimates from draws of every image's posterior, in nats."""

    distortion: PerImage  # the mean of -log p(x | z), the nll
    importance: dict[int, PerImage]  # number of draws -> log of the mean importance weight
    effective: PerImage  # effective sample size: (sum of w)^2 / sum of w^2


def importance_bounds(
    mean: Codes,
    log_variance: Codes,
    nll: Callable[[Codes], PerImage],
    draws: int,
    noise: Callable[[int], Codes],
) -> Bounds:
    """Draws z from q(z | x) = N(mean, variance) for every image, and averages the importance weights.

    The prior is N(0, I). The sums are logarithms in float64. They are updated after each draw of all images,
    so memory does not grow with the number of draws.

    Args:
        mean: posterior mean of each image.
        log_variance: posterior log variance of each image.
        nll: returns -log p(x | z) of every image, given one code per image.
        draws: number of draws per image.
        noise: returns the standard normal noise of a draw, given its number from 1.
    """
    deviation, marks = torch.exp(log_variance / 2), reported_draws(draws)
    distortion = torch.zeros(len(mean), dtype=torch.float64)
    log_sum = torch.full_like(distortion, -math.inf)  # log of the sum of the weights
    log_sum_of_squares = log_sum.clone()
    importance: dict[int, Tensor] = {}
    for draw in range(1, draws + 1):
        epsilon = noise(draw)
        codes = mean + deviation * epsilon
        draw_nll = nll(codes)
        # log p(z) - log q(z | x): the normalising constants of the two Gaussians cancel
        log_ratio = (epsilon.double().square() - codes.double().square() + log_variance.double()).sum(1) / 2
        log_weight = log_ratio - draw_nll
        distortion += draw_nll
        log_sum = torch.logaddexp(log_sum, log_weight)
        log_sum_of_squares = torch.logaddexp(log_sum_of_squares, 2 * log_weight)
        if draw in marks:
            importance[draw] = log_sum - math.log(draw)
    return Bounds(distortion / draws, importance, torch.exp(2 * log_sum - log_sum_of_squares))


def reported_draws(draws: int) -> list[int]:
    """The numbers of draws at which the bound is reported: 1, 2, 5, 10, 20, 50, ... and ``draws``."""
    ladder = [step * 10**power for power in range(len(str(draws))) for step in (1, 2, 5)]
    return [number for number in ladder if number < draws] + [draws]
