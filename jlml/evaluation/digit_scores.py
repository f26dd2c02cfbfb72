"""Scores of generated images against real training images, in the features of the digit classifier."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.digits import DigitClassifier, load_classifier
from jlml.evaluation.results import Estimate, bootstrapped, dependent_means, means_of
from jlml.evaluation.subject import Images, Subject
from jlml.metrics.dependence import design_effects
from jlml.metrics.frechet import frechet_distance, jackknife_error
from jlml.metrics.overlap import overlap, radii

SIZE = 28  # pixels per side of the classifier's images
GROWTH = 2  # one outlier's ball decides about many images: measured by benchmarks/standard_errors.py

Shares = Float[Tensor, " classes"]


class DigitScores:
    """Compares images with a random draw of training images.

    Args:
        subject: the evaluated model and its training images.
        count: number of training images to draw.
    """

    def __init__(self, subject: Subject, count: int) -> None:
        self.subject = subject
        self.classifier: DigitClassifier = load_classifier().to(subject.device)
        order = torch.randperm(len(subject.data.train_labels), generator=subject.generator("reference"))
        real = to_float(subject.grey.train_images[order[:count]])
        self.real, probabilities = self.classify(real)
        self.radii = radii(self.real)
        self.shares = shares_of(probabilities)

    def scores(self, images: Images) -> tuple[dict[str, Estimate], Shares]:
        """All scores of these images, and the frequency of each class."""
        features, probabilities = self.classify(images)
        distance = frechet_distance(self.real, features)
        error = jackknife_error(self.real, features)
        scores = {"frechet_distance": Estimate(distance, len(features), error)}
        values = overlap_scores(self.real, features, self.radii)
        effects = design_effects(overlap_scores, self.real, features, growth=GROWTH)
        scores |= dependent_means(values, effects)
        scores["class_imbalance"] = bootstrapped(
            lambda some: (shares_of(some) - self.shares).abs().sum() / 2,
            probabilities,
            self.subject.generator("bootstrap", 2),
        )
        scores |= means_of({"confidence": probabilities.max(1).values})
        return scores, shares_of(probabilities)

    def recognition(self, images: Images, classes: Tensor) -> dict[str, Estimate]:
        """The fraction of images that are classified as the given classes, and the mean confidence."""
        _, probabilities = self.classify(images)
        correct = probabilities.argmax(1) == classes
        return means_of({"recognised": correct, "confidence": probabilities.max(1).values})

    def classify(self, images: Images) -> tuple[Float[Tensor, "images features"], Tensor]:
        """The features of images, and the probabilities of the ten digits."""

        def forward(some: Images) -> tuple[Tensor, Tensor]:
            features = self.classifier.features(as_mnist(some, self.subject.data.fit))
            return features, self.classifier.to_digits(features).softmax(1)

        return self.subject.in_batches(forward, images)


def overlap_scores(real: Tensor, other: Tensor, real_radii: Tensor | None = None) -> dict[str, Tensor]:
    """The scores of `overlap` by name, one value per image."""
    return overlap(real, other, real_radii)._asdict()


def shares_of(probabilities: Float[Tensor, "images classes"]) -> Shares:
    """The frequency of each class among the most likely classes."""
    return probabilities.argmax(1).bincount(minlength=probabilities.shape[1]).double() / len(probabilities)


def as_mnist(images: Images, fit: str) -> Float[Tensor, "images 1 28 28"]:
    """Crops or resizes images to the classifier's 28 x 28 pixels.

    Args:
        images: square images.
        fit: how the images got their size: `pad` or `resize`.
    """
    size = images.shape[-1]
    if size == SIZE:
        return images
    if fit == "pad":
        start = (size - SIZE) // 2
        return images[..., start : start + SIZE, start : start + SIZE]
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True).clamp(0, 1)
