"""The Kullback-Leibler divergence of a diagonal Gaussian from the prior."""

import torch

from jlml.shapes import Codes


def kl_to_standard_normal(mean: Codes, log_variance: Codes) -> Codes:
    """KL(N(mean, variance) || N(0, 1)) in nats, per dimension: (mean^2 + variance - 1 - log variance) / 2.

    Source: Kingma & Welling 2014, appendix B.
    """
    return (mean.square() + torch.expm1(log_variance) - log_variance) / 2
