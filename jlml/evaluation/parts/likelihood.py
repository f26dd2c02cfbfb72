"""The likelihood of test images under a VAE, and how well its codes match the prior."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from jlml.comparison.descriptions import observation_in_words
from jlml.config import Config
from jlml.evaluation.results import Estimate, Figure, NotApplicableError, Results, bootstrapped, means_of
from jlml.evaluation.samplers import WIDEST
from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.aggregate import (
    aggregate_covariance,
    largest_correlation,
    log_aggregate_posterior,
    log_standard_normal,
)
from jlml.metrics.codes import active_units
from jlml.metrics.importance import Bounds, importance_bounds
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import VAE
from jlml.pictures.figures import aggregate_histograms, bound_curve, posterior


def likelihood(subject: Subject) -> Results:
    """The ELBO with its terms, the importance-weighted bound, and checks of the aggregate posterior."""
    model = subject.model
    if not isinstance(model, VAE):
        raise NotApplicableError(
            "An autoencoder defines no distribution of codes, so images have no likelihood."
        )
    if len(subject.test_images) < 2:
        raise NotApplicableError("Checks of the aggregate posterior need at least two test images.")
    mean, log_variance = subject.in_batches(model.posterior, subject.test_images)
    kl = kl_to_standard_normal(mean.double(), log_variance.double())
    rate, draws = kl.sum(1), subject.settings.importance_samples
    bounds = bounds_of(subject, model.loss.nll, mean, log_variance)
    results = Results(
        means_of(
            {
                "elbo": -rate - bounds.distortion,
                "rate": rate,
                "distortion": bounds.distortion,
                "importance_bound": bounds.importance[draws],
            }
        )
    )
    generator = subject.generator("bootstrap")
    results.metrics["effective_samples"] = bootstrapped(torch.median, bounds.effective, generator)
    results.metrics["active_units"] = bootstrapped(active_units, mean, generator)
    if model.latent_dim <= WIDEST:
        results.metrics |= aggregate_checks(subject, mean.double(), log_variance.double(), rate)
    spread = posterior(mean.std(0), "Information by latent dimension", kl.mean(0), root_mean(log_variance))
    caption = (
        "Above: the KL of each dimension to the prior, in nats. Below: the standard deviation of the codes "
        "over images, and of the posterior of one image. A dimension whose codes do not vary carries no "
        "information."
    )
    results.figures = [
        curve(bounds),
        Figure("kl_by_dimension", spread, caption),
        aggregate_figure(subject, mean, log_variance),
    ]
    results.notes = conditions(subject.config, draws) + caveats(results.metrics, draws)
    return results


def bounds_of(
    subject: Subject, nll_of: Callable[[Tensor, Tensor], Tensor], mean: Codes, log_variance: Codes
) -> Bounds:
    """The bounds for the test images. The noise depends only on the seed and the draw.

    Args:
        subject: a VAE and its images.
        nll_of: returns -log p(x | z) of each image from logits and images.
        mean: posterior mean of each test image.
        log_variance: posterior log variance of each test image.
    """

    def nll(codes: Codes, images: Tensor) -> Float64[Tensor, " batch"]:
        return nll_of(subject.model.decoder(codes), images).double()

    def noise(draw: int) -> Codes:
        subject.advance(draw, draws)
        return torch.randn(mean.shape, generator=subject.generator("importance", draw))

    draws = subject.settings.importance_samples
    return importance_bounds(
        mean, log_variance, lambda codes: subject.in_batches(nll, codes, subject.test_images), draws, noise
    )


def root_mean(log_variance: Codes) -> Float[Tensor, " latent"]:
    """The square root of the mean variance, per dimension."""
    return log_variance.exp().mean(0).sqrt()


def aggregate_checks(
    subject: Subject, mean: Tensor, log_variance: Tensor, rate: Tensor
) -> dict[str, Estimate]:
    """Measures how far the mixture of all posteriors q(z) is from the prior.

    The rate is the mutual information of image and code plus KL(q(z) || p(z)). An estimate of the former
    from N images is at most log N.
    Source: Hoffman & Johnson 2016, "ELBO surgery".
    """
    noise = torch.randn(mean.shape, generator=subject.generator("aggregate")).double()
    codes = mean + torch.exp(log_variance / 2) * noise
    log_ratio = log_aggregate_posterior(codes, mean, log_variance) - log_standard_normal(codes)
    checks = means_of({"marginal_kl": log_ratio, "mutual_information": rate - log_ratio})
    both = torch.stack([mean, log_variance.exp()], 1)  # (images, 2, latent): resampled together
    moments: dict[str, Callable[[Tensor], Tensor]] = {
        "largest_mean": lambda some: some[:, 0].mean(0).abs().max(),
        "smallest_variance": lambda some: aggregate_covariance(some).diagonal().min(),
        "largest_variance": lambda some: aggregate_covariance(some).diagonal().max(),
    }
    if mean.shape[1] > 1:
        moments["largest_correlation"] = largest_correlation
    generator = subject.generator("bootstrap", 1)
    return checks | {name: bootstrapped(moment, both, generator) for name, moment in moments.items()}


def curve(bounds: Bounds) -> Figure:
    """A figure of the importance-weighted bound over the number of draws."""
    estimates = [Estimate.mean_of(values) for values in bounds.importance.values()]
    picture = bound_curve(
        list(bounds.importance), [each.value for each in estimates], [each.error for each in estimates]
    )
    caption = (
        "The bound rises towards log p(x) with the number of draws. If it still rises at the right end, more "
        "draws (importance_samples=...) would raise it further. The band is the standard error over images. "
        "All points use the same images."
    )
    return Figure("importance_bound", picture, caption)


def aggregate_figure(subject: Subject, mean: Tensor, log_variance: Tensor) -> Figure:
    """A figure of draws from the aggregate posterior, per dimension, with the density of the prior."""
    noise = torch.randn(mean.shape, generator=subject.generator("aggregate"))
    codes = mean + torch.exp(log_variance / 2) * noise
    order = codes.var(0).argsort(descending=True)
    caption = (
        "One draw from the posterior of every test image, by dimension, and the density of the prior. In a "
        "gap, samples from the prior are codes that the decoder was not trained on."
    )
    return Figure("aggregate_posterior", aggregate_histograms(codes, order), caption)


def conditions(config: Config, draws: int) -> list[str]:
    """Notes on the observation model, and on what the numbers can be compared with."""
    notes = [f"Observation model: {observation_in_words(config)}.", f"Bounds from {draws} draws per image."]
    if config["model"].get("beta", 1) != 1:
        notes.append(f"Trained with beta={config['model']['beta']}. The ELBO here is for beta=1.")
    notes.append("Compare likelihoods only between runs with the same kind of density and the same images.")
    return notes


def caveats(metrics: dict[str, Estimate], draws: int) -> list[str]:
    """Notes on known biases of the numbers, and their direction."""
    found = []
    if metrics["effective_samples"].value < max(draws / 10, 2):
        found.append(
            "A few draws have most of the weight. More draws (importance_samples=...) would raise the "
            "importance-weighted bound."
        )
    if "mutual_information" not in metrics:
        return [*found, f"Checks of the aggregate posterior are for codes of up to {WIDEST} numbers."]
    count = metrics["mutual_information"].n
    found.append(
        f"With {count:,} images, the estimate of the mutual information is at most about "
        f"{math.log(count):.2f} nats, and too low even well below that. KL(q(z) || p(z)) is too high by the "
        "same amount."
    )
    return found
