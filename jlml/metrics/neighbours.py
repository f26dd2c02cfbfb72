"""Scores from nearest neighbours of codes: k-NN accuracy, trustworthiness and continuity."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from scipy.stats import mode
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

Points = Float[Tensor, "points dims"]
Labels = Int64[Tensor, " points"]

CHUNK = 500  # rows of the distance matrix in memory at once


def knn_correct(
    codes: Points,
    labels: Labels,
    queries: Float[Tensor, "queries dims"] | None,
    query_labels: Int64[Tensor, " queries"] | None,
    counts: Sequence[int],
) -> dict[int, Bool[Tensor, " queries"]]:
    """For each count k, which queries the majority of their k nearest codes classifies correctly.

    A tie goes to the smaller class, as in scikit-learn. Without queries, the other codes classify each code
    (leave-one-out).
    """
    index = NearestNeighbors(n_neighbors=max(counts)).fit(codes.numpy())
    nearest = index.kneighbors(None if queries is None else queries.numpy(), return_distance=False)
    truth = (labels if query_labels is None else query_labels).numpy()
    votes = labels.numpy()[nearest]
    return {
        k: torch.from_numpy(np.asarray(mode(votes[:, :k], axis=1, keepdims=False).mode == truth))
        for k in counts
    }


def nearest(codes: Points, queries: Float[Tensor, "queries dims"] | None) -> Int64[Tensor, " queries"]:
    """The index of the nearest code of each query; without queries, of each code among the others."""
    index = NearestNeighbors(n_neighbors=1).fit(codes.numpy())
    found = index.kneighbors(None if queries is None else queries.numpy(), return_distance=False)
    return torch.from_numpy(found[:, 0]).long()


def trustworthiness_and_continuity(
    points: Float[Tensor, "points dims"], codes: Float[Tensor, "points latent"], k: int = 12
) -> tuple[Float[Tensor, " points"], Float[Tensor, " points"]]:
    """Two scores of every point, at most 1. Their means are the trustworthiness and the continuity.

    Trustworthiness is low if neighbours among codes are not neighbours among points. Continuity is low if
    neighbours among points are not neighbours among codes. Both depend on the rank in the other space.
    The values are those of `sklearn.manifold.trustworthiness` (continuity: with the arguments exchanged), in
    constant memory and without sorting. They differ only for ties: equal distances share their mean rank,
    while scikit-learn ranks them by the order of the points.
    Source: Venna & Kaski 2001; Kaski et al. 2003.

    Args:
        points: the encoded points, for example flattened images.
        codes: one code per point.
        k: number of neighbours, below half the number of points.
    """
    count = len(points)
    points, codes = points.double(), codes.double()  # float32 cannot order near neighbours
    norms = points.square().sum(1), codes.square().sum(1)
    trust, continuity = [], []
    for start in range(0, count, CHUNK):
        among_points = _distances(points, norms[0], start)
        among_codes = _distances(codes, norms[1], start)
        trust.append(_lost_ranks(among_points, among_codes, k))
        continuity.append(_lost_ranks(among_codes, among_points, k))
    scale = 2 / (k * (2 * count - 3 * k - 1))
    return 1 - scale * torch.cat(trust), 1 - scale * torch.cat(continuity)


def _distances(
    points: Float64[Tensor, "points dims"], norms: Float64[Tensor, " points"], start: int
) -> Float64[Tensor, "chunk points"]:
    """Squared distances from a chunk of points to all, up to a constant per row; infinite to itself."""
    rows = points[start : start + CHUNK]
    # without each row's own norm, which does not change the ranking
    squared = torch.addmm(norms, rows, points.T, alpha=-2)
    here = torch.arange(len(rows))
    squared[here, start + here] = torch.inf
    return squared


def _lost_ranks(
    truth: Float64[Tensor, "chunk points"], shown: Float64[Tensor, "chunk points"], k: int
) -> Float64[Tensor, " chunk"]:
    """For each row, the sum over its k nearest in ``shown`` of the ranks beyond k in ``truth``."""
    theirs = truth.gather(1, shown.topk(k, largest=False).indices).numpy()
    # counting is much faster than sorting, and row by row the data stay in the processor's cache
    pairs = [(row, each) for row, some in zip(truth.numpy(), theirs, strict=True) for each in some]
    nearer = np.array([np.count_nonzero(row < each) for row, each in pairs])
    not_farther = np.array([np.count_nonzero(row <= each) for row, each in pairs])
    ranks = (nearer + 1 + not_farther).reshape(-1, k) / 2  # equal distances share their mean rank
    return torch.from_numpy(np.maximum(ranks - k, 0).sum(1))
