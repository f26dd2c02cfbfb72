"""Scores of codes from scikit-learn and SciPy: linear probe, silhouette, correlation of distances."""

import warnings

import torch
from jaxtyping import Bool, Float, Int64
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

ITERATIONS = 300  # of a logistic regression; its accuracy converges much earlier
GROUP = 500  # images whose pairwise distances are ranked together: 124,750 pairs


def linear_probe(
    codes: Float[Tensor, "codes latent"],
    labels: Int64[Tensor, " codes"],
    queries: Float[Tensor, "queries latent"],
    query_labels: Int64[Tensor, " queries"],
    iterations: int = ITERATIONS,
) -> Bool[Tensor, " queries"]:
    """Which queries a multinomial logistic regression on standardised codes classifies correctly."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=iterations))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(codes.numpy(), labels.numpy())
    return torch.from_numpy(probe.predict(queries.numpy()) == query_labels.numpy())


def silhouette(
    codes: Float[Tensor, "codes latent"], labels: Int64[Tensor, " codes"]
) -> Float[Tensor, " codes"]:
    """The silhouette of each code, from -1 to 1: how much closer its own class is than the next class.

    Zero for all codes if there is one class, or one code per class. Source: Rousseeuw 1987.
    """
    if not 1 < len(labels.unique()) < len(labels):
        return torch.zeros(len(labels), dtype=torch.float64)
    return torch.from_numpy(silhouette_samples(codes.numpy(), labels.numpy())).double()


def distance_correlations(
    points: Float[Tensor, "points dims"], codes: Float[Tensor, "points latent"]
) -> Float[Tensor, " groups"]:
    """Spearman's rank correlation between distances of points and of codes, per group of 500 points.

    Pairs within a group share points, so only the groups are independent of each other.
    """
    used = max(len(points) // GROUP, 1) * GROUP
    correlations = [
        spearmanr(pdist(some.numpy()), pdist(their_codes.numpy())).statistic
        for some, their_codes in zip(points[:used].split(GROUP), codes[:used].split(GROUP), strict=True)
    ]
    return torch.tensor(correlations, dtype=torch.float64)
