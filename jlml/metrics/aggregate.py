"""The aggregate posterior: the mixture of all images' posteriors. Ideally it equals the prior."""

import math

import torch
from jaxtyping import Float, Float64
from torch import Tensor

CHUNK = 500  # codes compared with all posteriors at once

Codes = Float64[Tensor, "images latent"]


def log_aggregate_posterior(codes: Codes, mean: Codes, log_variance: Codes) -> Float64[Tensor, " images"]:
    """log q(z) of each code in nats, where q(z) is the average of N(mean, variance) over all images.

    Needs float64: for speed the squares are expanded into matrix products, which cancel if a posterior is
    narrow.
    """
    precision = torch.exp(-log_variance)
    constant = -0.5 * (
        (mean.square() * precision).sum(1) + log_variance.sum(1) + mean.shape[1] * math.log(2 * math.pi)
    )
    logs = [
        (constant + rows @ (mean * precision).T - 0.5 * rows.square() @ precision.T).logsumexp(1)
        for rows in codes.split(CHUNK)
    ]
    return torch.cat(logs) - math.log(len(mean))


def log_standard_normal(codes: Codes) -> Float64[Tensor, " images"]:
    """log N(z; 0, I) in nats."""
    return -0.5 * (codes.square().sum(1) + codes.shape[1] * math.log(2 * math.pi))


def aggregate_covariance(both: Float[Tensor, "images 2 latent"]) -> Float[Tensor, "latent latent"]:
    """The covariance of the mixture of posteriors, from stacked means and variances."""
    means, variances = both[:, 0], both[:, 1]
    return torch.cov(means.T, correction=0).reshape(both.shape[2], -1) + torch.diag(variances.mean(0))


def largest_correlation(both: Float[Tensor, "images 2 latent"]) -> Tensor:
    """The largest absolute correlation between two latent dimensions in the mixture."""
    covariance = aggregate_covariance(both)
    scale = covariance.diagonal().sqrt()
    return (covariance / torch.outer(scale, scale)).fill_diagonal_(0).abs().max()
