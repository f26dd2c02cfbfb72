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
    link: str = ""  # a page that defines it

    @property
    def heading(self) -> str:
        """The label, with an arrow in the better direction."""
        return self.label + {"lower": " ↓", "higher": " ↑", None: ""}[self.better]


WIKI = "https://en.wikipedia.org/wiki/"
NEIGHBOURS = f"{WIKI}K-nearest_neighbors_algorithm"
TRUST = "https://scikit-learn.org/stable/modules/generated/sklearn.manifold.trustworthiness.html"
PRECISION, DENSITY = "https://arxiv.org/abs/1904.06991", "https://arxiv.org/abs/2002.09797"
DIVERGENCE = f"{WIKI}Kullback%E2%80%93Leibler_divergence"
RATE = f"{WIKI}Rate%E2%80%93distortion_theory"
ANGLES = f"{WIKI}Angles_between_flats"
PRIOR_CHECK = f"{WIKI}Prior_probability"

QUANTITIES = {
    # of reconstructions
    "mse": Quantity(
        *("MSE", "per pixel", 5, "lower"),
        "Mean squared error: the squared difference between picture and image, averaged over pixels. Times "
        "their number it is the squared error per image; that over 2 scale^2 is in the nats of loss=mse.",
        f"{WIKI}Mean_squared_error",
    ),
    "squared_error": Quantity(
        *("squared error", "per image", 2, "lower"),
        "The MSE times the number of pixels.",
        f"{WIKI}Mean_squared_error",
    ),
    "bce": Quantity(
        *("BCE", NATS, 2, "lower"),
        "Binary cross-entropy between image and picture. For grey images the best possible value is not 0.",
        f"{WIKI}Cross-entropy",
    ),
    "psnr": Quantity(
        *("PSNR", "dB", 2, "higher"),
        "Peak signal-to-noise ratio: -10 log10(MSE) of each image, averaged over images.",
        f"{WIKI}Peak_signal-to-noise_ratio",
    ),
    "ssim": Quantity(
        *("SSIM", "borders mirrored", 4, "higher"),
        "Structural similarity, 1 for equal pictures, in windows of 11 x 11 pixels around every pixel, with "
        "mirrored borders. Tools that leave the borders out give other values.",
        f"{WIKI}Structural_similarity_index_measure",
    ),
    "gradient_energy": Quantity(
        *("gradient energy", "per pixel", 5, None),
        "Sharpness: the mean squared difference between neighbouring pixels. Compare it with that of test "
        "images: less is blurred, more is noise.",
        f"{WIKI}Acutance",
    ),
    "grey_share": Quantity(
        *("grey pixels", RATIO, 3, None),
        "Pixels from .1 to .9. Compare them with those of test images: blur makes edges grey.",
        f"{WIKI}Acutance",
    ),
    # of densities
    "loss": Quantity(
        *("loss", NATS, 2, "lower"),
        "What training minimises, on test images.",
        f"{WIKI}Loss_function",
    ),
    "nll": Quantity(
        *("NLL", NATS, 2, "lower"),
        "Negative log likelihood of an image given its code, -log p(x | z).",
        f"{WIKI}Likelihood_function",
    ),
    "kl": Quantity(
        *("KL", NATS, 2, None),
        "Divergence of an image's distribution of codes from the prior, KL(q(z | x) || p(z)).",
        DIVERGENCE,
    ),
    "beta_kl": Quantity(*("beta KL", NATS, 2, None), "The KL times its weight in the loss.", DIVERGENCE),
    "elbo": Quantity(
        *("ELBO", NATS, 2, "higher"),
        "Evidence lower bound on log p(x): -(rate + distortion).",
        f"{WIKI}Evidence_lower_bound",
    ),
    "rate": Quantity(
        *("rate", NATS, 2, None),
        "Information that a code carries about its image: KL(q(z | x) || p(z)).",
        RATE,
    ),
    "distortion": Quantity(
        *("distortion", NATS, 2, None),
        "Reconstruction loss at codes drawn from the posterior: the mean of -log p(x | z).",
        RATE,
    ),
    "importance_bound": Quantity(
        *("importance bound", NATS, 2, "higher"),
        "A tighter bound on log p(x): the log of the mean weight p(x, z) / q(z | x) of several draws.",
        "https://arxiv.org/abs/1509.00519",
    ),
    "effective_samples": Quantity(
        *("effective samples", "draws", 1, "higher"),
        "How many of the draws decide the importance bound: the median over images.",
        f"{WIKI}Effective_sample_size",
    ),
    "active_units": Quantity(
        *("active dimensions", "dimensions", 0, None),
        "Latent dimensions that the codes use: those whose variance over images is above .01.",
        "https://arxiv.org/abs/1509.00519",
    ),
    "mutual_information": Quantity(
        *("mutual information", NATS, 2, None),
        "Estimated information between image and code, at least this: rate - KL(q(z) || p(z)).",
        f"{WIKI}Mutual_information",
    ),
    "marginal_kl": Quantity(
        *("KL(q(z) || p(z))", NATS, 2, None),
        "How far all codes together are from the prior, at most this. 0 if they match.",
        DIVERGENCE,
    ),
    "largest_mean": Quantity(
        *("largest |mean|", "prior: 0", 3, None),
        "Of all codes together, in the dimension where it is largest.",
        PRIOR_CHECK,
    ),
    "smallest_variance": Quantity(
        *("smallest variance", "prior: 1", 3, None),
        "Of all codes together, in the dimension where it is smallest.",
        PRIOR_CHECK,
    ),
    "largest_variance": Quantity(
        *("largest variance", "prior: 1", 3, None),
        "Of all codes together, in the dimension where it is largest.",
        PRIOR_CHECK,
    ),
    "largest_correlation": Quantity(
        *("largest |correlation|", "prior: 0", 3, None),
        "Between two dimensions of all codes together.",
        f"{WIKI}Correlation",
    ),
    # of a linear autoencoder and PCA
    "largest_angle": Quantity(
        *("largest principal angle", "degrees", 2, "lower"),
        "Between the space that the columns of the linear decoder span and that of as many principal "
        "components. 0 if they are equal.",
        ANGLES,
    ),
    "smallest_angle": Quantity(
        *("smallest principal angle", "degrees", 2, "lower"),
        "Between the closest directions of the two spaces.",
        ANGLES,
    ),
    "smallest_weight_angle": Quantity(
        *("smallest angle of weights", "degrees", 2, None),
        "Between two columns of the linear decoder. Those of PCA are 90 degrees apart.",
        ANGLES,
    ),
    # of codes
    "knn_1": Quantity(
        *("1-NN accuracy", RATIO, 4, "higher"),
        "Test images whose nearest training code has their class.",
        NEIGHBOURS,
    ),
    "knn_5": Quantity(
        *("5-NN accuracy", RATIO, 4, "higher"),
        "Test images whose class is the majority among the 5 nearest training codes.",
        NEIGHBOURS,
    ),
    "knn_15": Quantity(
        *("15-NN accuracy", RATIO, 4, "higher"),
        "Test images whose class is the majority among the 15 nearest training codes.",
        NEIGHBOURS,
    ),
    "leave_one_out_1": Quantity(
        *("1-NN, among test codes", RATIO, 4, "higher"),
        "Test images whose nearest other test code has their class.",
        NEIGHBOURS,
    ),
    "leave_one_out_5": Quantity(
        *("5-NN, among test codes", RATIO, 4, "higher"),
        "Test images whose class is the majority among the 5 nearest other test codes.",
        NEIGHBOURS,
    ),
    "leave_one_out_15": Quantity(
        *("15-NN, among test codes", RATIO, 4, "higher"),
        "Test images whose class is the majority among the 15 nearest other test codes.",
        NEIGHBOURS,
    ),
    "linear_probe": Quantity(
        *("linear probe", RATIO, 4, "higher"),
        "Test images that a logistic regression on training codes classifies correctly.",
        f"{WIKI}Logistic_regression",
    ),
    "trustworthiness": Quantity(
        *("trustworthiness", "at most 1", 4, "higher"),
        "Whether neighbours among codes are neighbours among images.",
        TRUST,
    ),
    "continuity": Quantity(
        *("continuity", "at most 1", 4, "higher"),
        "Whether neighbours among images are neighbours among codes.",
        TRUST,
    ),
    "silhouette": Quantity(
        *("silhouette", "-1 to 1", 3, "higher"),
        "How far each class is from the others, compared with its own width.",
        f"{WIKI}Silhouette_(clustering)",
    ),
    "distance_correlation": Quantity(
        *("distance correlation", "-1 to 1", 3, "higher"),
        "Spearman's correlation between distances of codes and distances of images.",
        f"{WIKI}Spearman%27s_rank_correlation_coefficient",
    ),
    # of codes and known factors of variation
    "mig": Quantity(
        *("MIG", RATIO, 3, "higher"),
        "Mutual information gap: the mean over factors of their information gap. 1 if each factor is in "
        "one latent dimension alone.",
        "https://arxiv.org/abs/1802.04942",
    ),
    "information_gap": Quantity(
        *("information gap", RATIO, 3, "higher"),
        "How much more the best latent dimension knows about the factor than the second best, as a share "
        "of the factor's entropy.",
        "https://arxiv.org/abs/1802.04942",
    ),
    "linear_r2": Quantity(
        *("linear R²", "at most 1", 3, "higher"),
        "Variance of the factor that a linear regression on training codes explains for test images.",
        f"{WIKI}Coefficient_of_determination",
    ),
    "knn_r2": Quantity(
        *("5-NN R²", "at most 1", 3, "higher"),
        "Variance of the factor that the mean of the 5 nearest training codes explains for test images.",
        f"{WIKI}Coefficient_of_determination",
    ),
    # of generated images
    "frechet_distance": Quantity(
        *("Frechet distance", "feature units squared", 2, "lower"),
        "Between the digit classifier's features of these images and of training images. 0 if their means "
        "and covariances agree.",
        f"{WIKI}Fr%C3%A9chet_inception_distance",
    ),
    "precision": Quantity(
        *("precision", RATIO, 3, "higher"), "Generated images that lie among real ones.", PRECISION
    ),
    "recall": Quantity(
        *("recall", RATIO, 3, "higher"), "Real images that lie among generated ones.", PRECISION
    ),
    "density": Quantity(
        *("density", "1 if real", 3, "higher"),
        "How many real neighbourhoods contain a generated image, compared with a real one.",
        DENSITY,
    ),
    "coverage": Quantity(
        *("coverage", RATIO, 3, "higher"), "Real images with a generated image nearby.", DENSITY
    ),
    "class_imbalance": Quantity(
        *("imbalance", RATIO, 3, "lower"),
        "Images that would have to change class to match the training classes.",
        f"{WIKI}Total_variation_distance_of_probability_measures",
    ),
    "same_digit": Quantity(
        *("same digit", RATIO, 3, "higher"),
        "Codes after a step whose picture the digit classifier sees as the same digit as before the step.",
        f"{WIKI}Statistical_classification",
    ),
    "picture_change": Quantity(
        *("change of the picture", "per pixel", 5, None),
        "Mean squared difference between the pictures of a code before and after a step.",
        f"{WIKI}Mean_squared_error",
    ),
    "recognised": Quantity(
        *("recognised", RATIO, 2, "higher"),
        "Class medians that the digit classifier sees as their class.",
        f"{WIKI}Statistical_classification",
    ),
    "confidence": Quantity(
        *("confidence", RATIO, 3, "higher"),
        "Mean probability that the digit classifier gives to its most likely class.",
        f"{WIKI}Statistical_classification",
    ),
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
