"""How likely the test images are under a VAE, and whether its codes fill the prior."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from jlml.comparison.descriptions import observation_in_words
from jlml.config import Config
from jlml.evaluation.results import Estimate, Figure, NotApplicableError, Results, bootstrapped, means_of
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
    """ELBO, its parts, the importance-weighted bound, and the aggregate posterior."""
    model = subject.model
    if not isinstance(model, VAE):
        raise NotApplicableError(
            "An autoencoder has no distribution over codes, so images have no likelihood."
        )
    mean, log_variance = subject.in_batches(model.posterior, subject.test_images)
    kl = kl_to_standard_normal(mean.double(), log_variance.double())
    rate, draws = kl.sum(1), subject.settings.importance_samples
    bounds = bounds_of(subject, model, mean, log_variance)
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
    results.metrics |= aggregate_checks(subject, mean.double(), log_variance.double(), rate)
    spread = posterior(mean.std(0), "Information by latent dimension", kl.mean(0), root_mean(log_variance))
    caption = (
        "Left: the KL of each dimension to the prior, in nats. Right: how far codes spread over images, and "
        "how wide the posterior of one image is. A dimension whose codes do not spread carries nothing."
    )
    results.figures = [
        curve(bounds),
        Figure("kl_by_dimension", spread, caption),
        aggregate_figure(subject, mean, log_variance),
    ]
    results.notes = conditions(subject.config, draws) + caveats(results.metrics, draws)
    return results


def bounds_of(subject: Subject, model: VAE, mean: Codes, log_variance: Codes) -> Bounds:
    """The bounds of the test images. The noise depends on seed and draw, not on batches or device."""

    def nll(codes: Codes, images: Tensor) -> Float64[Tensor, " batch"]:
        return model.loss.nll(model.decoder(codes), images).double()

    def noise(draw: int) -> Codes:
        subject.advance(draw, draws)
        return torch.randn(mean.shape, generator=subject.generator("importance", draw))

    draws = subject.settings.importance_samples
    return importance_bounds(
        mean, log_variance, lambda codes: subject.in_batches(nll, codes, subject.test_images), draws, noise
    )


def root_mean(log_variance: Codes) -> Float[Tensor, " latent"]:
    """The standard deviation of the average variance, by dimension."""
    return log_variance.exp().mean(0).sqrt()


def aggregate_checks(
    subject: Subject, mean: Tensor, log_variance: Tensor, rate: Tensor
) -> dict[str, Estimate]:
    """How far the mixture of all posteriors is from the prior.

    The rate is a sum: the mutual information of image and code, which N images cannot show beyond log N,
    and KL(q(z) || p(z)). Source: Hoffman & Johnson 2016, "ELBO surgery".
    """
    noise = torch.randn(mean.shape, generator=subject.generator("aggregate")).double()
    codes = mean + torch.exp(log_variance / 2) * noise
    log_ratio = log_aggregate_posterior(codes, mean, log_variance) - log_standard_normal(codes)
    checks = means_of({"marginal_kl": log_ratio, "mutual_information": rate - log_ratio})
    both = torch.stack([mean, log_variance.exp()], 1)  # (images, 2, latent): redrawn together
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
    """The importance-weighted bound against the number of draws."""
    estimates = [Estimate.mean_of(values) for values in bounds.importance.values()]
    picture = bound_curve(
        list(bounds.importance), [each.value for each in estimates], [each.error for each in estimates]
    )
    caption = (
        "The bound rises towards log p(x) with the number of draws. If it still rises at the right end, more "
        "draws (importance_samples=...) would raise it further. The band is the standard error over images, "
        "which all points share."
    )
    return Figure("importance_bound", picture, caption)


def aggregate_figure(subject: Subject, mean: Tensor, log_variance: Tensor) -> Figure:
    """Draws of the aggregate posterior, dimension by dimension, against the prior."""
    noise = torch.randn(mean.shape, generator=subject.generator("aggregate"))
    codes = mean + torch.exp(log_variance / 2) * noise
    order = codes.var(0).argsort(descending=True)
    caption = (
        "One draw from the posterior of every test image, by dimension, against the density of the prior. "
        "Samples from the prior that fall into a gap reach codes that the decoder was not trained on."
    )
    return Figure("aggregate_posterior", aggregate_histograms(codes, order), caption)


def conditions(config: Config, draws: int) -> list[str]:
    """The observation model of the numbers, and what they compare with."""
    notes = [f"Observation model: {observation_in_words(config)}.", f"Bounds from {draws} draws per image."]
    if config["model"].get("beta", 1) != 1:
        notes.append(f"Trained with beta={config['model']['beta']}. The ELBO here is that of beta=1.")
    notes.append("Likelihoods compare only between runs with the same kind of density and the same images.")
    return notes


def caveats(metrics: dict[str, Estimate], draws: int) -> list[str]:
    """Where the numbers are known to be biased, and in which direction."""
    found = []
    if metrics["effective_samples"].value < max(draws / 10, 2):
        found.append(
            "A few draws carry most of the weight: more draws (importance_samples=...) would raise the "
            "importance-weighted bound."
        )
    count = metrics["mutual_information"].n
    found.append(
        f"{count:,} images cannot show a mutual information above {math.log(count):.2f} nats, and "
        "underestimate it well below that. KL(q(z) || p(z)) is overestimated by as much."
    )
    return found
