"""What codes say of classes and distances, by scikit-learn and SciPy; training need not wait for them."""

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

GROUP = 500  # images whose pairwise distances are ranked together: 124,750 pairs


def linear_probe(
    codes: Float[Tensor, "codes latent"],
    labels: Int64[Tensor, " codes"],
    queries: Float[Tensor, "queries latent"],
    query_labels: Int64[Tensor, " queries"],
) -> Bool[Tensor, " queries"]:
    """Which queries a multinomial logistic regression on standardised codes classifies right."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy has settled long before
        probe.fit(codes.numpy(), labels.numpy())
    return torch.from_numpy(probe.predict(queries.numpy()) == query_labels.numpy())


def silhouette(
    codes: Float[Tensor, "codes latent"], labels: Int64[Tensor, " codes"]
) -> Float[Tensor, " codes"]:
    """By code, from -1 to 1: how much nearer its own class is than the next one. Source: Rousseeuw 1987."""
    return torch.from_numpy(silhouette_samples(codes.numpy(), labels.numpy())).double()


def distance_correlations(
    points: Float[Tensor, "points dims"], codes: Float[Tensor, "points latent"]
) -> Float[Tensor, " groups"]:
    """Spearman's rank correlation of pairwise distances among points and among codes, by group of 500.

    Pairs of one group share points, so it is the groups that are independent of each other.
    """
    whole = max(len(points) // GROUP, 1) * GROUP
    correlations = [
        spearmanr(pdist(some.numpy()), pdist(their_codes.numpy())).statistic
        for some, their_codes in zip(points[:whole].split(GROUP), codes[:whole].split(GROUP), strict=True)
    ]
    return torch.tensor(correlations, dtype=torch.float64)
