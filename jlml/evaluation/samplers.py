"""Where new codes come from: the prior, and two densities fitted to training codes."""

from copy import deepcopy

import torch
from torch import Tensor

from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.mixture import COMPONENTS

SAMPLERS = {
    "prior": "prior N(0, I)",
    "gaussian": "Gaussian fitted to training codes",
    "mixture": f"mixture of {COMPONENTS} Gaussians fitted to training codes",
    "midpoints": "midpoints of two training codes",
}


def draw_codes(subject: Subject, count: int) -> dict[str, Codes]:
    """So many codes from each sampler, by name.

    The mixture is the ex-post density of Ghosh et al. 2020, "From variational to deterministic
    autoencoders"; the midpoints of random pairs show whether the space between codes is inhabited.
    """
    codes = subject.train_codes
    generator = subject.generator("samplers")
    noise = torch.randn(count, subject.latent_dim, generator=generator)
    mean, covariance = codes.double().mean(0), torch.cov(codes.T.double())
    # by eigenvectors, not Cholesky: a collapsed dimension leaves the covariance singular
    variances, axes = torch.linalg.eigh(covariance.reshape(subject.latent_dim, -1))
    scale = (axes * variances.clamp_min(0).sqrt()).float()
    pairs = torch.randint(len(codes), (2, count), generator=generator)
    return {
        "prior": noise,
        "gaussian": mean.float() + noise @ scale.T,
        "mixture": from_mixture(subject, count),
        "midpoints": (codes[pairs[0]] + codes[pairs[1]]) / 2,
    }


def from_mixture(subject: Subject, count: int) -> Tensor:
    """Draws from a mixture of ten Gaussians with full covariances."""
    mixture = deepcopy(subject.mixture)  # drawing moves its random numbers: every time from those of the fit
    drawn, _ = mixture.sample(count)
    shuffled = torch.randperm(count, generator=subject.generator("mixture", 1))
    return torch.from_numpy(drawn).float()[shuffled]  # they come sorted by component


def median_codes(subject: Subject) -> Tensor:
    """(classes, latent_dim): the median training code of each class that there is."""
    labels = subject.train_labels
    return torch.stack([subject.train_codes[labels == number].median(0).values for number in labels.unique()])
