"""Scores of generated images against real training images, in the features of a network."""

import hashlib
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from jlml.config import locate
from jlml.data.batches import to_float
from jlml.errors import UserError, first_line
from jlml.evaluation.digits import NAME, load_classifier, weights_hash
from jlml.evaluation.results import Estimate, NotApplicableError, bootstrapped, dependent_means, means_of
from jlml.evaluation.subject import DIGIT_SIZE, Images, Subject
from jlml.metrics.dependence import design_effects
from jlml.metrics.frechet import frechet_distance, jackknife_error
from jlml.metrics.overlap import overlap, radii

GROWTH = 2  # one outlier's ball decides about many images: measured by benchmarks/standard_errors.py

Features = Float[Tensor, "images features"]
Shares = Float[Tensor, " classes"]


def feature_scores(subject: Subject, count: int) -> "FeatureScores":
    """The scores in the network that the user names, or for digits of MNIST in jlml's classifier.

    Raises:
        NotApplicableError: there is no network for these images.
        UserError: the named network cannot be used.
    """
    if subject.settings.features is not None:
        return NamedScores(subject, count)
    if subject.shows_digits:
        return DigitScores(subject, count)
    raise NotApplicableError(
        f"jlml's classifier knows digits of MNIST with at least {DIGIT_SIZE} pixels per side, not "
        f"{subject.data.source.name} with {subject.data.image_shape[1]} x {subject.data.image_shape[2]}. "
        "To score generated images, name a network for their features: features=<package.function>."
    )


class FeatureScores(ABC):
    """Compares images with a random draw of training images, by their features.

    Args:
        subject: the evaluated model and its training images.
        count: number of training images to draw.
    """

    about: str  # name of the network, for reports

    def __init__(self, subject: Subject, count: int) -> None:
        self.subject = subject
        order = torch.randperm(len(subject.data.train_labels), generator=subject.generator("reference"))
        self.real, self.real_classes = self.seen(to_float(subject.grey.train_images[order[:count]]))
        self.radii = radii(self.real)

    @abstractmethod
    def seen(self, images: Images) -> tuple[Features, Tensor | None]:
        """The features of images, and their probabilities of classes if the network has classes."""

    @property
    def shares(self) -> Shares | None:
        """The frequency of each class among the training images; None if the network has no classes."""
        return None if self.real_classes is None else shares_of(self.real_classes)

    def scores(self, images: Images) -> tuple[dict[str, Estimate], Shares | None]:
        """All scores of these images, and the frequency of each class."""
        features, classes = self.seen(images)
        distance = frechet_distance(self.real, features)
        error = jackknife_error(self.real, features)
        scores = {"frechet_distance": Estimate(distance, len(features), error)}
        values = overlap_scores(self.real, features, self.radii)
        effects = design_effects(overlap_scores, self.real, features, growth=GROWTH)
        scores |= dependent_means(values, effects)
        if classes is None or self.shares is None:
            return scores, None
        expected = self.shares
        scores["class_imbalance"] = bootstrapped(
            lambda some: (shares_of(some) - expected).abs().sum() / 2,
            classes,
            self.subject.generator("bootstrap", 2),
        )
        scores |= means_of({"confidence": classes.max(1).values})
        return scores, shares_of(classes)


class DigitScores(FeatureScores):
    """Scores in the features of jlml's digit classifier."""

    def __init__(self, subject: Subject, count: int) -> None:
        self.about = (
            f"{NAME}, sha256 {weights_hash()[:16]}, jlml's own digit classifier. It is not Inception: "
            "these distances do not compare with any published FID."
        )
        super().__init__(subject, count)

    def seen(self, images: Images) -> tuple[Features, Tensor]:
        """The features of images, and the probabilities of the ten digits."""
        return seen_by_classifier(self.subject, images)


class NamedScores(FeatureScores):
    """Scores in the features of a network that the user names by the dotted path of a class or function.

    Called without arguments, it returns an `nn.Module` that takes images in [0, 1] of the data's shape, (N,
    channels, height, width), and returns features, (N, features).
    """

    def __init__(self, subject: Subject, count: int) -> None:
        path = str(subject.settings.features)
        try:
            network = locate(path, "features")()
        except TypeError as error:
            raise UserError(
                f"features={path} cannot be called without arguments: {first_line(error)}."
            ) from error
        if not isinstance(network, nn.Module):
            raise UserError(
                f"features={path} returns a {type(network).__name__}, expected a torch.nn.Module."
            )
        self.network = network.eval().to(subject.device)
        digest = hashlib.sha256()
        for weights in network.state_dict().values():
            digest.update(weights.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        self.about = f"{path}, sha256 {digest.hexdigest()[:16]}, of all its weights."
        super().__init__(subject, count)

    def seen(self, images: Images) -> tuple[Features, None]:
        features: Tensor = self.subject.in_batches(self.network, images)
        if features.dim() != 2:
            raise UserError(
                f"features={self.subject.settings.features} returns the shape {tuple(features.shape)}, "
                "expected (N, features)."
            )
        return features.float(), None


def seen_by_classifier(subject: Subject, images: Images) -> tuple[Features, Float[Tensor, "images 10"]]:
    """The features of images in jlml's digit classifier, and the probabilities of the ten digits."""
    classifier = load_classifier().to(subject.device)

    def forward(some: Images) -> tuple[Tensor, Tensor]:
        features = classifier.features(as_mnist(some, subject.data.fit))
        return features, classifier.to_digits(features).softmax(1)

    return subject.in_batches(forward, images)


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
    if size == DIGIT_SIZE:
        return images
    if fit == "pad":
        start = (size - DIGIT_SIZE) // 2
        return images[..., start : start + DIGIT_SIZE, start : start + DIGIT_SIZE]
    return F.interpolate(images, (DIGIT_SIZE, DIGIT_SIZE), mode="bilinear", antialias=True).clamp(0, 1)
