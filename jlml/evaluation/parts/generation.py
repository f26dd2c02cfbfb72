"""Whether new images look like digits, like all digits, and like digits that could have been there."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.digits import NAME, DigitClassifier, load_classifier, weights_hash
from jlml.evaluation.findings import Estimate, Figure, Findings, NotApplicableError, bootstrapped, means_of
from jlml.evaluation.samplers import draw_codes, median_codes
from jlml.evaluation.subject import Images, Subject
from jlml.metrics.frechet import frechet_distance, jackknife_error
from jlml.metrics.overlap import NEIGHBOURS, overlap, radii
from jlml.pictures.figures import class_shares

SIZE = 28  # pixels a side of the images that the classifier knows
DIGITS = ("mnist", "mnist_5k")


def generation(subject: Subject) -> Findings:
    """Scores every sampler, and for the floor real test images, against training images."""
    name = subject.data.source.name
    if name not in DIGITS:
        raise NotApplicableError(f"The digit classifier knows digits only, not {name}.")
    count = min(subject.settings.samples, len(subject.train_labels), len(subject.test_labels))
    if count <= 2 * NEIGHBOURS:
        raise NotApplicableError(f"Scores of generated images need more than {2 * NEIGHBOURS} images.")
    judge = Judge(subject, count)
    some = subject.test_order[:count]
    sets = {"real_test_images": to_float(subject.grey.test_images[some])}
    sets["reconstructions"] = subject.reconstructions[some]
    others: set[str] = set()
    for sampler, codes in draw_codes(subject, count).items():
        mean, *rest = subject.pictures(codes).items()
        sets[sampler] = mean[1]
        sets |= {f"{sampler}_{name}": images for name, images in rest}
        others |= {name for name, _ in rest}
    findings = Findings()
    shares = {"training images": judge.shares}
    for name, images in subject.track(sets.items(), len(sets)):
        scores, share = judge.scores(images)
        findings.metrics |= {f"{name}/{score}": value for score, value in scores.items()}
        shares[name.replace("_", " ")] = share
    findings.metrics |= judge.medians()
    caption = (
        "What the classifier takes the images for. Training images show the balance to expect; a sampler "
        "that favours some digits has not learned the others, or draws codes where they are not."
    )
    findings.figures.append(Figure("classes", class_shares(shares, subject.class_names), caption))
    findings.remarks = [
        f"Features: {NAME}, sha256 {weights_hash()[:16]}, jlml's own digit classifier. It is not Inception: "
        "these distances compare with no published FID.",
        f"{count:,} images of each kind against {count:,} training images. real test images is the floor: "
        "what images score that are as real as the training images.",
        "Standard errors are for another draw of samples, given the trained model and the training images.",
    ]
    if others:
        findings.remarks.append(
            f"Scored are mean pictures and, in rows of their own, {', '.join(sorted(others))}. At its limit "
            "the continuous Bernoulli's mean is grey where lambda is black, and the features see it."
        )
    if subject.test_images.shape[-1] != SIZE:
        findings.remarks.append(f"Images were brought to {SIZE} x {SIZE} for the classifier, real ones too.")
    return findings


class Judge:
    """The digit classifier, and a draw of training images that it compares with.

    Args:
        subject: whose training images.
        count: how many of them.
    """

    def __init__(self, subject: Subject, count: int) -> None:
        self.subject = subject
        self.classifier: DigitClassifier = load_classifier().to(subject.device)
        order = torch.randperm(len(subject.train_labels), generator=subject.generator("reference"))
        real = to_float(subject.grey.train_images[order[:count]])
        self.real, probabilities = self._look_at(real)
        self.radii = radii(self.real)
        self.shares = shares_of(probabilities)

    def scores(self, images: Images) -> tuple[dict[str, Estimate], Float[Tensor, " classes"]]:
        """Every score of these images, and the share of each class among them."""
        features, probabilities = self._look_at(images)
        count = len(features)
        scores = {
            "frechet_distance": Estimate(
                frechet_distance(self.real, features), count, jackknife_error(self.real, features)
            )
        }
        scores |= means_of(overlap(self.real, features, self.radii)._asdict())
        generator = self.subject.generator("bootstrap", 2)
        scores["class_imbalance"] = bootstrapped(
            lambda some: (shares_of(some) - self.shares).abs().sum() / 2, probabilities, generator
        )
        scores |= means_of({"confidence": probabilities.max(1).values})
        return scores, shares_of(probabilities)

    def medians(self) -> dict[str, Estimate]:
        """How the decoded medians of the classes' codes look: each as its own class?"""
        labels = self.subject.train_labels.unique()
        _, probabilities = self._look_at(self.subject.decode(median_codes(self.subject)))
        own = probabilities.argmax(1) == labels
        confidence = probabilities.max(1).values
        return means_of({"recognised": own, "confidence": confidence}, "class_medians/")

    def _look_at(self, images: Images) -> tuple[Tensor, Tensor]:
        """Features, and probabilities of the ten digits."""
        looked = []
        with torch.no_grad():
            for some in images.split(self.subject.settings.batch_size):
                features = self.classifier.features(as_mnist(some, self.subject).to(self.subject.device))
                looked.append((features.cpu(), self.classifier.to_digits(features).softmax(1).cpu()))
        return torch.cat([features for features, _ in looked]), torch.cat([p for _, p in looked])


def shares_of(probabilities: Tensor) -> Float[Tensor, " classes"]:
    """The share of each class among the likeliest ones."""
    return probabilities.argmax(1).bincount(minlength=probabilities.shape[1]).double() / len(probabilities)


def as_mnist(images: Images, subject: Subject) -> Float[Tensor, "images 1 28 28"]:
    """The images as the classifier knows them: padding cut away, or resized to 28 x 28."""
    size = images.shape[-1]
    if size == SIZE:
        return images
    if subject.data.fit == "pad":
        start = (size - SIZE) // 2
        return images[..., start : start + SIZE, start : start + SIZE]
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True).clamp(0, 1)
