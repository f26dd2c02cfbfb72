"""Precision, recall, density and coverage: how generated images overlap with real ones."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

CHUNK = 1000  # rows of the distance matrix in memory at once
NEIGHBOURS = 5

Features = Float[Tensor, "images features"]


class Overlap(NamedTuple):
    """One value per image. The means are the scores. A ball reaches to an image's k-th neighbour."""

    precision: Bool[Tensor, " others"]  # whether a generated image is in the ball of a real image
    density: Float[Tensor, " others"]  # number of real balls that contain a generated image, over k
    recall: Bool[Tensor, " reals"]  # whether a real image is in the ball of a generated image
    coverage: Bool[Tensor, " reals"]  # whether the ball of a real image contains a generated image


def radii(features: Features, k: int = NEIGHBOURS) -> Float[Tensor, " images"]:
    """The radius of each image's ball: the distance to its k-th nearest neighbour."""
    features = features.double()
    nearest = [
        torch.cdist(rows, features).topk(k + 1, largest=False).values for rows in features.split(CHUNK)
    ]
    return torch.cat(nearest)[:, k]  # index 0 is the image itself


def overlap(
    real: Float[Tensor, "reals features"],
    other: Float[Tensor, "others features"],
    real_radii: Float[Tensor, " reals"] | None = None,
    k: int = NEIGHBOURS,
) -> Overlap:
    """Precision, recall, density and coverage of ``other`` against ``real``, image by image.

    Args:
        real: features of real images.
        other: features of generated images, or of other real images for the best score to expect.
        real_radii: `radii` of ``real``, if they are known from another comparison.
        k: the neighbour that defines an image's ball.

    Source: precision and recall, Kynkaanniemi et al. 2019; density and coverage, Naeem et al. 2020.
    """
    real, other = real.double(), other.double()
    real_radii, other_radii = radii(real, k) if real_radii is None else real_radii, radii(other, k)
    recall = torch.zeros(len(real), dtype=torch.bool)
    coverage = torch.zeros(len(real), dtype=torch.bool)
    balls = []
    for rows, row_radii in zip(other.split(CHUNK), other_radii.split(CHUNK), strict=True):
        distances = torch.cdist(rows, real)
        within_real = distances < real_radii
        balls.append(within_real.sum(1))
        coverage |= within_real.any(0)
        recall |= (distances < row_radii[:, None]).any(0)
    count = torch.cat(balls)
    return Overlap(count > 0, count.double() / k, recall, coverage)
