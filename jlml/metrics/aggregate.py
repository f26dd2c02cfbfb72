"""The aggregate posterior: the mixture of the posteriors of all images, which the prior should be."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

CHUNK = 500  # codes compared with all posteriors at once

Codes = Float64[Tensor, "images latent"]


def log_aggregate_posterior(codes: Codes, mean: Codes, log_variance: Codes) -> Float64[Tensor, " images"]:
    """log q(z) in nats of each code, q(z) being the average of N(mean, variance) over all images.

    Float64 throughout: the squares of a narrow posterior are expanded into products of matrices.
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
