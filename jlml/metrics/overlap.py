"""Precision, recall, density and coverage: whether generated images overlap with real ones."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

CHUNK = 1000  # rows of the distance matrix held at once
NEIGHBOURS = 5

Features = Float[Tensor, "images features"]


class Overlap(NamedTuple):
    """One value per image; the means are the scores."""

    precision: Bool[Tensor, " others"]  # whether an image is in the ball of a real image
    density: Float[Tensor, " others"]  # number of real balls that an image is in, over k
    recall: Bool[Tensor, " reals"]  # whether a real image is in the ball of another image
    coverage: Bool[Tensor, " reals"]  # whether the ball of a real image holds another image


def radii(features: Features, k: int = NEIGHBOURS) -> Float[Tensor, " images"]:
    """The distance from each image to its k-th nearest neighbour: the radius of its ball."""
    features = features.double()
    nearest = [
        torch.cdist(rows, features).topk(k + 1, largest=False).values for rows in features.split(CHUNK)
    ]
    return torch.cat(nearest)[:, k]  # the nearest of all is the image itself


def overlap(
    real: Float[Tensor, "reals features"],
    other: Float[Tensor, "others features"],
    real_radii: Float[Tensor, " reals"],
    k: int = NEIGHBOURS,
) -> Overlap:
    """Precision, recall, density and coverage of ``other`` against ``real``, image by image.

    Args:
        real: features of real images.
        other: features of generated images, or of other real ones, which show the best score to expect.
        real_radii: `radii` of ``real``, computed once for many comparisons.
        k: the ball of an image reaches its k-th neighbour.

    Source: precision and recall, Kynkaanniemi et al. 2019; density and coverage, Naeem et al. 2020.
    """
    real, other = real.double(), other.double()
    other_radii = radii(other, k)
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
