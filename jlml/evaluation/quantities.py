"""What is measured: units, which way is better, and what a number means, written once for every table."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Quantity:
    """One kind of number."""

    label: str
    unit: str
    digits: int
    better: Literal["lower", "higher", None]
    meaning: str


NATS = "nats per image"
SHARE = "of 1"

QUANTITIES = {
    # of pictures
    "mse": Quantity("MSE", "per pixel", 5, "lower", "Squared error, averaged over pixels."),
    "squared_error": Quantity("squared error", "per image", 2, "lower", "Summed over pixels."),
    "bce": Quantity(
        "BCE", NATS, 2, "lower", "Cross-entropy of the mean picture. Grey images: its floor is not 0."
    ),
    "psnr": Quantity("PSNR", "dB", 2, "higher", "-10 log10(MSE) of each image, averaged over images."),
    "ssim": Quantity("SSIM", "at most 1", 4, "higher", "Structural similarity in windows of 11 x 11 pixels."),
    # of densities
    "loss": Quantity("loss", NATS, 2, "lower", "The training objective on test images."),
    "nll": Quantity("NLL", NATS, 2, "lower", "-log p(x | z)."),
    "kl": Quantity("KL", NATS, 2, None, "KL(q(z | x) || p(z))."),
    "beta_kl": Quantity("beta KL", NATS, 2, None, "The KL as the loss weighs it."),
    "elbo": Quantity("ELBO", NATS, 2, "higher", "-(rate + distortion): a lower bound of log p(x)."),
    "rate": Quantity("rate", NATS, 2, None, "KL(q(z | x) || p(z)): what the code says about the image."),
    "distortion": Quantity("distortion", NATS, 2, None, "-log p(x | z), averaged over z from q(z | x)."),
    "importance_bound": Quantity(
        "importance bound", NATS, 2, "higher", "Importance-weighted: log mean of p(x, z) / q(z | x)."
    ),
    "effective_samples": Quantity(
        "effective samples", "draws, median", 1, "higher", "How many of the draws carry the bound's weight."
    ),
    "active_units": Quantity("active units", "dimensions", 0, None, "Codes vary by more than .01."),
    "mutual_information": Quantity(
        "mutual information", NATS, 2, None, "Of image and code, at least this: the rate, less the next."
    ),
    "marginal_kl": Quantity(
        "KL(q(z) || p(z))", NATS, 2, None, "How far all codes together are from the prior; at most this."
    ),
    "largest_mean": Quantity("largest |mean|", "prior: 0", 3, None, "Of the aggregate posterior."),
    "smallest_variance": Quantity("smallest variance", "prior: 1", 3, None, "Of the aggregate posterior."),
    "largest_variance": Quantity("largest variance", "prior: 1", 3, None, "Of the aggregate posterior."),
    "largest_correlation": Quantity(
        "largest |correlation|", "prior: 0", 3, None, "Between dimensions of the aggregate posterior."
    ),
    # of codes
    "knn_1": Quantity("1-NN", SHARE, 4, "higher", "Test codes classified by the nearest training code."),
    "knn_5": Quantity("5-NN", SHARE, 4, "higher", "By the majority of the five nearest."),
    "knn_15": Quantity("15-NN", SHARE, 4, "higher", "By the majority of the fifteen nearest."),
    "leave_one_out_1": Quantity("1-NN, left out", SHARE, 4, "higher", "Test codes by other test codes."),
    "leave_one_out_5": Quantity("5-NN, left out", SHARE, 4, "higher", "Test codes by other test codes."),
    "leave_one_out_15": Quantity("15-NN, left out", SHARE, 4, "higher", "Test codes by other test codes."),
    "linear_probe": Quantity("linear probe", SHARE, 4, "higher", "Logistic regression on training codes."),
    "trustworthiness": Quantity(
        "trustworthiness", "at most 1", 4, "higher", "Neighbours among codes are neighbours among images."
    ),
    "continuity": Quantity(
        "continuity", "at most 1", 4, "higher", "Neighbours among images are neighbours among codes."
    ),
    "silhouette": Quantity("silhouette", "-1 to 1", 3, "higher", "Classes lie apart from each other."),
    "distance_correlation": Quantity(
        "distance correlation", "-1 to 1", 3, "higher", "Spearman's, of pairwise distances: codes and pixels."
    ),
    # of generated images
    "frechet_distance": Quantity(
        "Frechet distance", "feature units squared", 2, "lower", "To training images, in digit features."
    ),
    "precision": Quantity("precision", SHARE, 3, "higher", "Generated images that lie among real ones."),
    "recall": Quantity("recall", SHARE, 3, "higher", "Real images that lie among generated ones."),
    "density": Quantity("density", "1 if real", 3, "higher", "How deep among real images they lie."),
    "coverage": Quantity("coverage", SHARE, 3, "higher", "Real images with a generated one nearby."),
    "class_imbalance": Quantity(
        "imbalance", SHARE, 3, "lower", "Total variation between classes seen and classes in training."
    ),
    "recognised": Quantity("recognised", SHARE, 2, "higher", "Classes whose decoded median looks like one."),
    "confidence": Quantity("confidence", SHARE, 3, "higher", "The digit classifier's, on average."),
}


def quantity_of(name: str) -> Quantity:
    """What the last word of a metric's name says: ``pca/mse`` is an mse."""
    return QUANTITIES[name.rsplit("/", 1)[-1]]
