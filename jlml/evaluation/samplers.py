"""Samplers of new codes: the prior, and distributions fitted to training codes."""

from copy import deepcopy

import torch
from torch import Tensor

from jlml.data.split import classes_in
from jlml.evaluation.results import NotApplicableError
from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.gaussian import fit_gaussian
from jlml.metrics.mixture import COMPONENTS

WIDEST = 256  # latent dimensions with a covariance: the time for one grows with their cube
SAMPLERS = {
    "prior": "prior N(0, I)",
    "gaussian": "Gaussian fitted to training codes",
    "mixture": f"mixture of {COMPONENTS} Gaussians fitted to training codes",
    "midpoints": "midpoints of two training codes",
}


def draw_codes(subject: Subject, count: int) -> dict[str, Codes]:
    """``count`` codes from each sampler, by name. Codes wider than `WIDEST` have no fitted distribution.

    The mixture is the ex-post density of Ghosh et al. 2020, "From variational to deterministic
    autoencoders". The midpoints are between random pairs of training codes.
    """
    codes = subject.train_codes
    generator = subject.generator("samplers")
    noise = torch.randn(count, subject.model.latent_dim, generator=generator)
    pairs = torch.randint(len(codes), (2, count), generator=generator)
    drawn = {"prior": noise}
    if subject.model.latent_dim <= WIDEST:
        mean, scale = fit_gaussian(codes)
        drawn |= {"gaussian": mean + noise @ scale.T, "mixture": from_mixture(subject, count)}
    return {**drawn, "midpoints": (codes[pairs[0]] + codes[pairs[1]]) / 2}


def from_mixture(subject: Subject, count: int) -> Tensor:
    """Draws from the mixture of Gaussians, in random order."""
    mixture = deepcopy(subject.mixture)  # sampling changes the random state of the mixture, so use a copy
    drawn, _ = mixture.sample(count)
    shuffled = torch.randperm(count, generator=subject.generator("mixture", 1))
    return torch.from_numpy(drawn).float()[shuffled]  # scikit-learn returns them sorted by component


def median_codes(subject: Subject) -> Tensor:
    """The median of the training codes of each class that exists: (classes, latent_dim).

    Raises:
        NotApplicableError: the images have no classes.
    """
    labels = subject.data.train_labels
    classes = classes_in(labels)
    if not classes:
        raise NotApplicableError("Class medians need images with classes.")
    return torch.stack([subject.train_codes[labels == number].median(0).values for number in classes])
