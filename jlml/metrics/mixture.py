"""A mixture of Gaussians fitted to codes, for sampling new codes."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

COMPONENTS = 10
FITTED = 20_000  # largest number of training codes to fit


def fitted_mixture(codes: Float[Tensor, "codes latent"], seed: int) -> Any:
    """A mixture of ten Gaussians with full covariances, fitted to the first 20,000 codes."""
    some = codes[:FITTED].double()
    # the scale of an autoencoder's codes is arbitrary, so the smallest variance is relative
    mixture = GaussianMixture(
        min(COMPONENTS, len(some)),
        reg_covar=max(1e-6 * float(some.var(0).max()), 1e-12),
        random_state=np.random.RandomState(seed % 2**32),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(some.numpy())
