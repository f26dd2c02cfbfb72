"""Metrics of codes."""

from jaxtyping import Float
from torch import Tensor

ACTIVE = 0.01


def active_units(codes: Float[Tensor, "codes latent"], relative: bool = False) -> int:
    """Number of latent dimensions whose variance over images is above 0.01.

    For a VAE, ``codes`` are posterior means, and the prior fixes their scale. An autoencoder's scale is
    arbitrary: ``relative`` divides by the largest variance.
    Source: Burda et al. 2016, "Importance weighted autoencoders", section 5.2.
    """
    variances = codes.var(0, correction=0)
    return int((variances > ACTIVE * (variances.max() if relative else 1)).sum())
