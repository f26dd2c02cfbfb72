"""Label, unit, digits, direction and meaning of every metric, for all tables."""

import math
from typing import Literal, NamedTuple

NATS, RATIO = "nats per image", "fraction"
SAMPLED_FROM = {
    "prior": "the prior",
    "gaussian": "a Gaussian fitted to the codes",
    "mixture": "a mixture fitted to the codes",
    "midpoints": "midpoints of codes",
}


class Quantity(NamedTuple):
    """How to show one metric."""

    label: str
    unit: str
    digits: int
    better: Literal["lower", "higher", None]
    meaning: str

    @property
    def heading(self) -> str:
        """The label, with an arrow in the better direction."""
        return self.label + {"lower": " ↓", "higher": " ↑", None: ""}[self.better]


QUANTITIES = {
    # of reconstructions
    "mse": Quantity("MSE", "per pixel", 5, "lower", "Squared error, averaged over pixels."),
    "squared_error": Quantity("squared error", "per image", 2, "lower", "Squared error, summed over pixels."),
    "bce": Quantity(
        "BCE", NATS, 2, "lower", "Cross-entropy of the mean image. On grey images its minimum is not 0."
    ),
    "psnr": Quantity("PSNR", "dB", 2, "higher", "-10 log10(MSE) of each image, averaged over images."),
    "ssim": Quantity(
        *("SSIM", "borders mirrored", 4, "higher"),
        "Structural similarity, at most 1, in windows of 11 x 11 pixels around every pixel, with mirrored "
        "borders. Tools that leave the borders out give other values.",
    ),
    # of densities
    "loss": Quantity("loss", NATS, 2, "lower", "The training objective on test images."),
    "nll": Quantity("NLL", NATS, 2, "lower", "-log p(x | z)."),
    "kl": Quantity("KL", NATS, 2, None, "KL(q(z | x) || p(z))."),
    "beta_kl": Quantity("beta KL", NATS, 2, None, "The KL times its weight in the loss."),
    "elbo": Quantity("ELBO", NATS, 2, "higher", "-(rate + distortion): a lower bound of log p(x)."),
    "rate": Quantity("rate", NATS, 2, None, "KL(q(z | x) || p(z)): information of a code about its image."),
    "distortion": Quantity("distortion", NATS, 2, None, "-log p(x | z), averaged over z from q(z | x)."),
    "importance_bound": Quantity("importance bound", NATS, 2, "higher", "log mean of p(x, z) / q(z | x)."),
    "effective_samples": Quantity(
        "effective samples", "draws", 1, "higher", "Median effective sample size of the bound."
    ),
    "active_units": Quantity("active units", "dimensions", 0, None, "Dimensions with a variance above .01."),
    "mutual_information": Quantity(
        "mutual information", NATS, 2, None, "Lower bound: rate - KL(q(z) || p(z))."
    ),
    "marginal_kl": Quantity("KL(q(z) || p(z))", NATS, 2, None, "Upper bound, for the aggregate posterior."),
    "largest_mean": Quantity("largest |mean|", "prior: 0", 3, None, "Of the aggregate posterior."),
    "smallest_variance": Quantity("smallest variance", "prior: 1", 3, None, "Of the aggregate posterior."),
    "largest_variance": Quantity("largest variance", "prior: 1", 3, None, "Of the aggregate posterior."),
    "largest_correlation": Quantity(
        "largest |correlation|", "prior: 0", 3, None, "Of the aggregate posterior."
    ),
    # of codes
    "knn_1": Quantity("1-NN", RATIO, 4, "higher", "Test codes classified by the nearest training code."),
    "knn_5": Quantity("5-NN", RATIO, 4, "higher", "By the majority of the five nearest."),
    "knn_15": Quantity("15-NN", RATIO, 4, "higher", "By the majority of the fifteen nearest."),
    "leave_one_out_1": Quantity("1-NN, left out", RATIO, 4, "higher", "By the nearest other test code."),
    "leave_one_out_5": Quantity("5-NN, left out", RATIO, 4, "higher", "By the five nearest others."),
    "leave_one_out_15": Quantity("15-NN, left out", RATIO, 4, "higher", "By the fifteen nearest others."),
    "linear_probe": Quantity("linear probe", RATIO, 4, "higher", "Logistic regression on training codes."),
    "trustworthiness": Quantity(
        "trustworthiness", "at most 1", 4, "higher", "Neighbours among codes are neighbours among images."
    ),
    "continuity": Quantity(
        "continuity", "at most 1", 4, "higher", "Neighbours among images are neighbours among codes."
    ),
    "silhouette": Quantity("silhouette", "-1 to 1", 3, "higher", "How well classes are separated."),
    "distance_correlation": Quantity(
        "distance correlation", "-1 to 1", 3, "higher", "Spearman's, between codes and pixels."
    ),
    # of generated images
    "frechet_distance": Quantity(
        "Frechet distance", "feature units squared", 2, "lower", "To training images."
    ),
    "precision": Quantity("precision", RATIO, 3, "higher", "Generated images that lie among real ones."),
    "recall": Quantity("recall", RATIO, 3, "higher", "Real images that lie among generated ones."),
    "density": Quantity(
        "density", "1 if real", 3, "higher", "Real neighbourhoods that contain an image, over k."
    ),
    "coverage": Quantity("coverage", RATIO, 3, "higher", "Real images with a generated one nearby."),
    "class_imbalance": Quantity(
        "imbalance", RATIO, 3, "lower", "Total variation distance to the training classes."
    ),
    "recognised": Quantity("recognised", RATIO, 2, "higher", "Class medians that decode to their class."),
    "confidence": Quantity("confidence", RATIO, 3, "higher", "Mean probability of the most likely class."),
}


def quantity_of(metric: str) -> Quantity:
    """The quantity of a metric, from the last part of its name: ``pca/mse`` is an mse.

    A metric that only a custom model reports is shown in nats, without a better direction.
    """
    name = metric.rpartition("/")[2]
    return QUANTITIES.get(name) or Quantity(name, NATS, 2, None, "Reported by the model.")


def label_of(metric: str) -> str:
    """The label of a metric in a sentence, with the sampler of generated images."""
    _, *middle, _ = ("", *metric.split("/"))
    sampler = middle[-1].removesuffix("_shown") if metric.startswith("generation/") else ""
    label = quantity_of(metric).label
    return f"{label} ({'Gaussian' if sampler == 'gaussian' else sampler})" if sampler else label


def value_in_words(value: float, metric: str) -> str:
    """A value for a sentence: fractions in percent, for example ``87.2 %``."""
    if quantity_of(metric).unit != RATIO or not math.isfinite(value):
        return formatted(value, metric)
    return f"{100 * value:.1f} %"


def difference_in_words(difference: float, margin: float | None, metric: str) -> str:
    """A difference for a sentence, with half the width of its interval if known: ``3.1 ± 0.5 points``."""
    if quantity_of(metric).unit != RATIO:
        return formatted(difference, metric, margin)
    text = f"{100 * difference:.1f}"
    return f"{text} points" if margin is None else f"{text} ± {100 * margin:.1f} points"


def formatted(value: float | None, metric: str, deviation: float | None = None) -> str:
    """A value with the digits of its quantity, for example ``0.04167``; empty if None.

    Args:
        value: value of the metric.
        metric: name of the metric, for example ``val/mse``.
        deviation: standard error or standard deviation, shown after ±.
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return "not finite"
    digits = quantity_of(metric).digits
    text = f"{value:.{digits}f}"
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"
