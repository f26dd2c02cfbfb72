"""Principal components: the axes of largest variance, and the best linear autoencoder.

Source: Pearson 1901; Hotelling 1933. In plain torch, because training draws codes along them and does not
wait for scikit-learn.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

CHUNK = 10_000  # points whose products are summed at once


@dataclass(frozen=True)
class PrincipalAxes:
    """The directions in which points vary most, the largest variance first."""

    mean: Float[Tensor, " dims"]
    directions: Float[Tensor, "count dims"]  # orthonormal rows
    shares: Float[Tensor, " count"]  # of the variance

    def project(self, points: Float[Tensor, "points dims"]) -> Float[Tensor, "points count"]:
        """Coordinates along the axes, with the mean as the origin."""
        return (points - self.mean) @ self.directions.T


def principal_axes(points: Float[Tensor, "points dims"], count: int = 2) -> PrincipalAxes:
    """The first ``count`` principal axes of some points.

    The sign of an axis is arbitrary. Here its largest entry is positive, as in scikit-learn.
    """
    mean = points.mean(0)
    centred = (some - mean for some in points.split(CHUNK))
    scatter = sum((some.T @ some for some in centred), start=points.new_zeros(()))
    variances, columns = torch.linalg.eigh(scatter)
    variances, axes = variances.flip(0).clamp_min(0), columns.T.flip(0)[:count]  # the largest first
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    total = variances.sum().clamp_min(torch.finfo(points.dtype).tiny)
    return PrincipalAxes(mean, axes * largest.sign(), variances[:count] / total)


@dataclass(frozen=True)
class PCABaseline:
    """Codes and reconstructions by the first principal components of the training images."""

    train_codes: Float[Tensor, "images latent"]
    test_codes: Float[Tensor, "tests latent"]
    reconstructions: Float[Tensor, "tests channel height width"]


def principal_components(
    train: Float[Tensor, "images channel height width"],
    test: Float[Tensor, "tests channel height width"],
    count: int,
) -> PCABaseline:
    """The best linear autoencoder with ``count`` latent dimensions, fitted to training images.

    In float64. In float32 the eigenvectors of the covariance move neighbours: .0008 of the 15-NN accuracy
    with two components.
    """
    points, queries = train.flatten(1).double(), test.flatten(1).double()
    axes = principal_axes(points, count)
    test_codes = axes.project(queries)
    reconstructions = (test_codes @ axes.directions + axes.mean).reshape(test.shape)
    return PCABaseline(axes.project(points).float(), test_codes.float(), reconstructions.float())
