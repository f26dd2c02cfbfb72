"""How codes relate to known factors of variation: mutual information, its gap, and probes of each factor."""

import torch
from jaxtyping import Float, Float64, Int64
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mutual_info_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

BINS = 20  # of each latent dimension and each factor, as in Locatello et al. 2019
MOST_CLASSES = 10  # different values of a factor whose values are classes, not numbers
NEIGHBOURS = 5

Codes = Float[Tensor, "images latent"]
Factors = Float[Tensor, "images factors"]


def mutual_information(codes: Codes, factors: Factors) -> Float64[Tensor, "latent factors"]:
    """The mutual information in nats of each latent dimension with each factor, over the factor's entropy.

    From histograms with 20 bins of equal width. With N images and bins of about equal frequency it is too
    high by about 19^2 / 2N nats, for all dimensions alike.
    """
    dims = [binned(values) for values in codes.T]
    rows = [(values, mutual_info_score(values, values)) for values in map(binned, factors.T)]
    shares = [
        [mutual_info_score(dim, factor) / entropy if entropy > 0 else 0.0 for factor, entropy in rows]
        for dim in dims
    ]
    return torch.tensor(shares, dtype=torch.float64)


def information_gaps(shares: Float64[Tensor, "latent factors"]) -> Float64[Tensor, " factors"]:
    """The gap between the two dimensions that know most about each factor, as a share of its entropy.

    Their mean is the mutual information gap (MIG): 1 if each factor is in one dimension alone. Source: Chen
    et al. 2018, "Isolating sources of disentanglement in VAEs".
    """
    if len(shares) < 2:
        return shares[0]
    first, second = shares.sort(0, descending=True).values[:2]
    return first - second


def binned(values: Float[Tensor, " images"]) -> Int64[Tensor, " images"]:
    """The bin of each value; the value itself if there are few different ones."""
    different, place = values.unique(return_inverse=True)
    if len(different) <= BINS:
        return place
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (BINS / (high - low))).long().clamp(max=BINS - 1)


def is_class(factor: Float[Tensor, " images"]) -> bool:
    """Whether the values of a factor are classes: few different integers."""
    different = factor.unique()
    return len(different) <= MOST_CLASSES and bool((different == different.round()).all())


def squared_errors(
    codes: Codes,
    factor: Float[Tensor, " images"],
    queries: Float[Tensor, "queries latent"],
    truth: Float[Tensor, " queries"],
) -> dict[str, Float64[Tensor, " queries"]]:
    """What two regressions on standardised codes miss of a factor: their squared errors over its variance.

    Their means are 1 - R^2. ``linear`` is least squares, ``knn`` the mean of the 5 nearest codes.
    """
    probes = {"linear": LinearRegression(), "knn": KNeighborsRegressor(NEIGHBOURS)}
    spread = truth.double().var(correction=0).clamp_min(torch.finfo(torch.float64).tiny)
    missed = {}
    for name, probe in probes.items():
        fitted = make_pipeline(StandardScaler(), probe).fit(codes.numpy(), factor.numpy())
        missed[name] = (torch.from_numpy(fitted.predict(queries.numpy())).double() - truth).square() / spread
    return missed
