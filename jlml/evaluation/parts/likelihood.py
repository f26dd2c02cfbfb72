"""How likely the test images are under a VAE, and whether its codes fill the prior."""

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from jlml.evaluation.findings import Estimate, Figure, Findings, NotApplicableError, bootstrapped, means_of
from jlml.evaluation.importance import Bounds, importance_bounds
from jlml.evaluation.subject import Subject
from jlml.metrics.aggregate import log_aggregate_posterior, log_standard_normal
from jlml.metrics.codes import active_units
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import VAE
from jlml.pictures.figures import aggregate_histograms, bound_curve, posterior


def likelihood(subject: Subject) -> Findings:
    """ELBO, its parts, the importance-weighted bound, and the aggregate posterior."""
    model = subject.model
    if not isinstance(model, VAE):
        raise NotApplicableError(
            "An autoencoder has no distribution over codes, so images have no likelihood."
        )
    mean, log_variance = posteriors(subject, model)
    kl = kl_to_standard_normal(mean.double(), log_variance.double())
    bounds = importance_bounds(subject, model, mean, log_variance, subject.settings.importance_samples)
    rate, draws = kl.sum(1), subject.settings.importance_samples
    findings = Findings(
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
    findings.metrics["effective_samples"] = bootstrapped(torch.median, bounds.effective, generator)
    findings.metrics["active_units"] = bootstrapped(active_units, mean, generator)
    findings.metrics |= aggregate_checks(subject, mean.double(), log_variance.double(), rate)
    findings.figures = [
        curve(bounds),
        Figure(
            "kl_by_dimension",
            posterior(mean.std(0), "Information by latent dimension", kl.mean(0), root_mean(log_variance)),
            "Left: the KL of each dimension to the prior, in nats. Right: how far codes spread over images, "
            "and how wide the posterior of one image is. A dimension whose codes do not spread carries "
            "nothing.",
        ),
        aggregate_figure(subject, mean, log_variance),
    ]
    findings.remarks = declarations(subject.config, draws)
    findings.remarks += doubts(findings.metrics, draws)
    return findings


def posteriors(subject: Subject, model: VAE) -> tuple[Tensor, Tensor]:
    """Mean and log variance of q(z | x) of the test images."""
    size = subject.settings.batch_size
    with torch.no_grad():
        both = [model.posterior(images.to(subject.device)) for images in subject.test_images.split(size)]
    return torch.cat([mean.cpu() for mean, _ in both]), torch.cat([log.cpu() for _, log in both])


def root_mean(log_variance: Tensor) -> Tensor:
    """The standard deviation of the average variance, by dimension."""
    return log_variance.exp().mean(0).sqrt()


def aggregate_checks(
    subject: Subject, mean: Tensor, log_variance: Tensor, rate: Tensor
) -> dict[str, Estimate]:
    """How far the mixture of all posteriors is from the prior.

    The rate falls into two: what the code says about which image it was (mutual information, which N
    images cannot show beyond log N), and KL(q(z) || p(z)). Source: Hoffman & Johnson 2016, "ELBO surgery".
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


def aggregate_covariance(both: Float[Tensor, "images 2 latent"]) -> Float[Tensor, "latent latent"]:
    """Of the mixture of posteriors, from their means and variances."""
    means, variances = both[:, 0], both[:, 1]
    return torch.cov(means.T, correction=0).reshape(both.shape[2], -1) + torch.diag(variances.mean(0))


def largest_correlation(both: Float[Tensor, "images 2 latent"]) -> Tensor:
    """The largest size of a correlation between two dimensions."""
    covariance = aggregate_covariance(both)
    scale = covariance.diagonal().sqrt()
    return (covariance / torch.outer(scale, scale)).fill_diagonal_(0).abs().max()


def curve(bounds: Bounds) -> Figure:
    """The bound against the number of draws."""
    estimates = [Estimate.mean_of(values) for values in bounds.importance.values()]
    picture = bound_curve(
        list(bounds.importance), [each.value for each in estimates], [each.error for each in estimates]
    )
    caption = (
        "The bound rises towards log p(x) with the number of draws. Where it still rises at the right end, "
        "more draws (importance_samples=...) would raise it. The band is the standard error over images, "
        "which all its points share."
    )
    return Figure("importance_bound", picture, caption)


def aggregate_figure(subject: Subject, mean: Tensor, log_variance: Tensor) -> Figure:
    """Draws of the aggregate posterior, dimension by dimension, against the prior."""
    noise = torch.randn(mean.shape, generator=subject.generator("aggregate"))
    codes = mean + torch.exp(log_variance / 2) * noise
    order = codes.var(0).argsort(descending=True)
    caption = (
        "One draw from the posterior of every test image, by dimension, against the prior's density. "
        "Gaps and clusters are where a sample from the prior meets a decoder that has not been there."
    )
    return Figure("aggregate_posterior", aggregate_histograms(codes, order), caption)


def declarations(config: dict[str, Any], draws: int) -> list[str]:
    """Under which observation model the numbers hold, and what they compare with."""
    remarks = [f"Observation model: {observation_of(config)}.", f"Bounds from {draws} draws an image."]
    if config["model"].get("beta", 1) != 1:
        remarks.append(f"Trained with beta={config['model']['beta']}; the ELBO here is that of beta=1.")
    remarks.append("Likelihoods compare only between runs of this same observation model and data.")
    return remarks


def doubts(metrics: dict[str, Estimate], draws: int) -> list[str]:
    """Where the numbers are known to be off, and in which direction."""
    found = []
    if metrics["effective_samples"].value < max(draws / 10, 2):
        found.append(
            "A few draws carry most of the weight: the importance-weighted bound would rise with more "
            "(importance_samples=...)."
        )
    count = metrics["mutual_information"].n
    found.append(
        f"{count:,} images cannot show a mutual information above {math.log(count):.2f} nats, and "
        "underestimate it well before; KL(q(z) || p(z)) is overestimated by as much."
    )
    return found


def observation_of(config: dict[str, Any]) -> str:
    """The density of images in words, with all that its nats depend on: equal words, comparable nats."""
    loss, data = config["loss"], config["data"]
    name = str(loss["_target_"]).rsplit(".", 1)[-1]
    options = [f"{key} {value}" for key, value in loss.items() if not key.startswith("_")]
    _, height, width = config["image_shape"]
    words = {
        "Gaussian": "Gaussian pixels",
        "Bernoulli": "Bernoulli pixels",
        "ContinuousBernoulli": "continuous Bernoulli pixels",
    }.get(name, str(loss["_target_"]))
    if name == "Bernoulli" and data["pixels"] != "binarized":
        words += " (a cross-entropy, no likelihood: the pixels are not 0 or 1)"
    size = f"{height} x {width}"
    size += f" by {data['fit']}" if data.get("image_size") else ""
    return ", ".join([words, *options, f"{data['pixels']} {data['name']} images of {size}"])
