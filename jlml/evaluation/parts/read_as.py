"""A decoder that was trained with one observation model, scored as another one.

A decoder that was trained with the cross-entropy predicts a mean for each pixel. As a continuous Bernoulli it
can be read in two ways: as the distribution with this mean, or as the one whose parameter lambda is this
picture. The first keeps the meaning of the prediction. The second exchanges the loss alone.
Source: Loaiza-Ganem & Cunningham 2019, section 5, where the first is called the inverse mean.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from jlml.errors import UserError
from jlml.evaluation.parts.likelihood import bounds_of
from jlml.evaluation.results import Results, means_of
from jlml.evaluation.subject import Subject
from jlml.losses import ContinuousBernoulli, ObservationModel
from jlml.losses.continuous_bernoulli import logits_of_mean
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import VAE
from jlml.shapes import Images, PerImage

READINGS: tuple[Literal["mean", "lambda"], ...] = ("mean", "lambda")


def read_as(subject: Subject) -> Results:
    """The likelihood of test images under the continuous Bernoulli, for both readings of the decoder.

    Raises:
        UserError: the settings name no observation model.
    """
    if subject.settings.read_as is None:
        raise UserError("parts=[read_as] needs the observation model: read_as=cont_bern.")
    other, results = ContinuousBernoulli(), Results()
    for reading in READINGS:
        nll = nll_read_as(other, subject.model.loss, reading)
        results.metrics |= means_of(scores_of(subject, nll), f"cont_bern_{reading}/")
    results.notes.append(
        "The decoder is scored as a continuous Bernoulli, whatever it was trained with: by the mean, where "
        "its mean picture is the expected value, and by lambda, where the picture that stands for its loss "
        f"is the parameter. Lambda is kept in [{other.limit:g}, 1 - {other.limit:g}]. For a model that was "
        "trained with this loss and limit, both are its own likelihood."
    )
    return results


def nll_read_as(
    other: ContinuousBernoulli, own: ObservationModel, reading: Literal["mean", "lambda"]
) -> Callable[[Images, Images], PerImage]:
    """The nll of images under another observation model, given the logits of a decoder.

    Args:
        other: the observation model that scores the images.
        own: the observation model that the decoder was trained with.
        reading: what the decoder's picture is for the other model: its expected value or its parameter.
    """

    def nll(logits: Tensor, images: Tensor) -> Tensor:
        if reading == "mean":
            lowest = other.mean(torch.full((1, 1, 1, 1), -torch.inf))  # of the limited parameter
            new = logits_of_mean(own.mean(logits).double().clamp(lowest, 1 - lowest))
        else:
            new = torch.logit(own.picture(logits).double())
        return other.nll(new, images.double())

    return nll


def scores_of(subject: Subject, nll: Callable[[Images, Images], PerImage]) -> dict[str, Tensor]:
    """One value per test image: of a VAE the bounds, of an autoencoder the nll at the code."""
    model = subject.model
    if not isinstance(model, VAE):
        logits_nll = lambda codes, images: nll(model.decoder(codes), images)  # noqa: E731
        return {"nll": subject.in_batches(logits_nll, subject.test_codes, subject.test_images)}
    mean, log_variance = subject.in_batches(model.posterior, subject.test_images)
    rate = kl_to_standard_normal(mean.double(), log_variance.double()).sum(1)
    bounds, draws = bounds_of(subject, nll, mean, log_variance), subject.settings.importance_samples
    return {
        "elbo": -rate - bounds.distortion,
        "distortion": bounds.distortion,
        "importance_bound": bounds.importance[draws],
    }
