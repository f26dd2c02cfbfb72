"""Principal components: the axes of largest variance, and the best linear autoencoder.

In plain torch: training plots codes along these axes, and importing scikit-learn would delay its start.
Source: Pearson 1901; Hotelling 1933.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

CHUNK = 10_000  # points per matrix product


@dataclass(frozen=True)
class PrincipalAxes:
    """The directions in which points vary most, by decreasing variance."""

    mean: Float[Tensor, " dims"]
    directions: Float[Tensor, "count dims"]  # orthonormal rows
    shares: Float[Tensor, " count"]  # fraction of the variance along each axis

    def project(self, points: Float[Tensor, "points dims"]) -> Float[Tensor, "points count"]:
        """Coordinates along the axes, with the mean as the origin."""
        return (points - self.mean) @ self.directions.T


def principal_axes(points: Float[Tensor, "points dims"], count: int = 2) -> PrincipalAxes:
    """The first ``count`` principal axes of the points.

    The sign of an axis is arbitrary. Here its entry of largest magnitude is positive, as in scikit-learn.
    """
    mean = points.mean(0)
    centred = (some - mean for some in points.split(CHUNK))
    scatter = sum((some.T @ some for some in centred), start=points.new_zeros(()))
    # in float64: in float32, MKL does not converge on some processors if there are few points
    variances, columns = (found.to(points) for found in torch.linalg.eigh(scatter.double()))
    variances, axes = variances.flip(0).clamp_min(0), columns.T.flip(0)[:count]  # eigh sorts ascending
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    total = variances.sum().clamp_min(torch.finfo(points.dtype).tiny)
    return PrincipalAxes(mean, axes * largest.sign(), variances[:count] / total)


@dataclass(frozen=True)
class PCABaseline:
    """Codes and reconstructions from the first principal components of the training images."""

    directions: Float[Tensor, "latent pixels"]  # orthonormal rows
    train_codes: Float[Tensor, "images latent"]
    test_codes: Float[Tensor, "tests latent"]
    reconstructions: Float[Tensor, "tests channel height width"]


def principal_components(
    train: Float[Tensor, "images channel height width"],
    test: Float[Tensor, "tests channel height width"],
    count: int,
) -> PCABaseline:
    """The best linear autoencoder with ``count`` latent dimensions, fitted to training images.

    In float64: float32 eigenvectors change neighbours, and the 15-NN accuracy of two components by .0008.
    """
    points, queries = train.flatten(1).double(), test.flatten(1).double()
    axes = principal_axes(points, count)
    test_codes = axes.project(queries)
    reconstructions = (test_codes @ axes.directions + axes.mean).reshape(test.shape)
    return PCABaseline(
        axes.directions.float(), axes.project(points).float(), test_codes.float(), reconstructions.float()
    )


def pca_errors(
    train: Float[Tensor, "images channel height width"],
    test: Float[Tensor, "tests channel height width"],
    counts: Sequence[int],
) -> list[float]:
    """Squared error per pixel of test images from each number of principal components of the training images.

    With no component, every image is reconstructed as the mean training image.
    """
    axes = principal_axes(train.flatten(1), max(counts))
    centred = test.flatten(1) - axes.mean
    coordinates = (centred @ axes.directions.T).double()
    # what the components do not explain, because they are orthonormal
    total, explained = centred.double().square().mean(), coordinates.square().mean(0) / centred.shape[1]
    return [float(total - explained[:count].sum()) for count in counts]
