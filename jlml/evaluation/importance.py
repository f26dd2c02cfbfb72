"""Bounds on log p(x) from draws of the posterior: the ELBO, and the importance-weighted bound."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from jlml.evaluation.subject import Subject
from jlml.models import VAE

PerImage = Float64[Tensor, " images"]


@dataclass(frozen=True)
class Bounds:
    """What so many draws from the posterior of every test image say, in nats, in float64."""

    distortion: PerImage  # mean of -log p(x | z)
    importance: dict[int, PerImage]  # number of draws -> log of the mean importance weight
    effective: PerImage  # (sum of weights)^2 / sum of squared weights, in draws


def importance_bounds(subject: Subject, model: VAE, mean: Tensor, log_variance: Tensor, draws: int) -> Bounds:
    """Draws z from q(z | x) so often for each test image, and weighs each by w = p(x, z) / q(z | x).

    log mean w is a lower bound of log p(x) in expectation, and rises to it with the number of draws. Sums
    of weights are kept as logarithms, one draw of all images at a time, so memory does not grow with
    ``draws``; the noise depends on seed and draw alone, not on batches or device.
    Source: Burda et al. 2016, "Importance weighted autoencoders".

    Args:
        subject: whose test images.
        model: the subject's.
        mean: of the posterior, (images, latent_dim).
        log_variance: of the posterior.
        draws: how many.
    """
    count = len(mean)
    marks = marks_up_to(draws)
    distortion = torch.zeros(count, dtype=torch.float64)
    log_sum = torch.full((count,), -math.inf, dtype=torch.float64)
    log_sum_of_squares = log_sum.clone()
    importance: dict[int, Tensor] = {}
    deviation = torch.exp(log_variance / 2)
    for draw in subject.track(range(1, draws + 1), draws):
        noise = torch.randn(mean.shape, generator=subject.generator("importance", draw))
        codes = mean + deviation * noise
        nll = nll_of(subject, model, codes)
        distortion += nll
        # log p(z) - log q(z | x): the normalising constants of the two Gaussians cancel
        log_ratio = (noise.double().square() - codes.double().square() + log_variance.double()).sum(1) / 2
        log_weight = log_ratio - nll
        log_sum = torch.logaddexp(log_sum, log_weight)
        log_sum_of_squares = torch.logaddexp(log_sum_of_squares, 2 * log_weight)
        if draw in marks:
            importance[draw] = log_sum - math.log(draw)
    return Bounds(distortion / draws, importance, torch.exp(2 * log_sum - log_sum_of_squares))


def nll_of(subject: Subject, model: VAE, codes: Tensor) -> PerImage:
    """-log p(x | z) of every test image under its code."""
    size = subject.settings.batch_size
    with torch.no_grad():
        batches = [
            model.loss.nll(model.decoder(some.to(subject.device)), images.to(subject.device)).double().cpu()
            for some, images in zip(codes.split(size), subject.test_images.split(size), strict=True)
        ]
    return torch.cat(batches)


def marks_up_to(draws: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... and the last."""
    ladder = [step * 10**power for power in range(len(str(draws))) for step in (1, 2, 5)]
    return [mark for mark in ladder if mark < draws] + [draws]
