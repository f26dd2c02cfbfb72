"""Angles between vectors and between subspaces, in degrees."""

import numpy as np
import torch
from jaxtyping import Float64
from scipy.linalg import subspace_angles
from torch import Tensor

Vectors = Float64[Tensor, "vectors dims"]


def angles_between(vectors: Vectors) -> Float64[Tensor, "vectors vectors"]:
    """The angle from 0 to 90 between the lines along each pair of vectors, so their signs do not matter."""
    unit = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(torch.finfo(vectors.dtype).tiny)
    # the norms of half the difference and half the sum, because an arc cosine is inaccurate near 0
    apart, together = torch.cdist(unit, unit), torch.cdist(unit, -unit)
    return torch.rad2deg(2 * torch.atan2(torch.minimum(apart, together), torch.maximum(apart, together)))


def principal_angles(one: Vectors, other: Vectors) -> Float64[Tensor, " angles"]:
    """The principal angles between the spaces that two sets of vectors span, the largest first.

    The smallest is the angle between the two closest directions of the spaces. All are 0 if the spaces are
    equal. Source: Bjoerck & Golub 1973, computed by scipy.
    """
    return torch.from_numpy(np.rad2deg(subspace_angles(one.numpy().T, other.numpy().T)))
