"""A Gaussian with full covariance, fitted to codes."""

from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from jlml.shapes import Codes


def fit_gaussian(codes: Codes) -> tuple[Float[Tensor, " latent"], Float[Tensor, "latent latent"]]:
    """The mean of the codes, and a matrix S such that S @ S.T is their covariance.

    ``mean + noise @ S.T`` with standard normal noise samples the Gaussian. S comes from eigenvectors, because
    Cholesky's method fails if a collapsed dimension makes the covariance singular. With fewer codes than
    dimensions, the codes themselves are such a matrix, which saves the covariance of a wide code.
    """
    count, latent_dim = codes.shape
    if count < latent_dim:
        scale = codes.new_zeros(latent_dim, latent_dim)
        scale[:, :count] = (codes - codes.mean(0)).T / sqrt(count)
        return codes.mean(0), scale
    covariance = torch.cov(codes.T.double(), correction=0).reshape(latent_dim, latent_dim)
    variances, axes = torch.linalg.eigh(covariance)
    return codes.mean(0), (axes * variances.clamp_min(0).sqrt()).to(codes.dtype)
