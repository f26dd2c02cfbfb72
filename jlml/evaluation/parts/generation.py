"""Scores of generated images: how similar they are to real ones, and whether all digits occur."""

from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.digit_scores import SIZE, DigitScores
from jlml.evaluation.digits import NAME, weights_hash
from jlml.evaluation.results import Figure, NotApplicableError, Results
from jlml.evaluation.samplers import WIDEST, draw_codes, median_codes
from jlml.evaluation.shown_scores import is_shown, with_kind
from jlml.evaluation.subject import Images, Subject
from jlml.metrics.overlap import NEIGHBOURS
from jlml.pictures.figures import class_shares

DIGITS = ("mnist", "mnist_5k")


def generation(subject: Subject) -> Results:
    """Scores of images from every sampler, and of real test images, in comparison with training images."""
    name = subject.data.source.name
    if name not in DIGITS:
        raise NotApplicableError(f"The digit classifier only knows digits, not {name}.")
    count = min(subject.settings.samples, len(subject.data.train_labels), len(subject.data.test_labels))
    if count <= 2 * NEIGHBOURS:
        raise NotApplicableError(f"Scores of generated images need more than {2 * NEIGHBOURS} images.")
    digits = DigitScores(subject, count)
    sets = scored_images(subject, count)
    results = Results()
    shares: dict[str, Tensor] = {"training images": digits.shares}
    shown = subject.model.loss.shown
    for name, images in subject.track(sets.items(), len(sets)):
        scores, share = digits.scores(images)
        results.metrics |= {f"{name}/{score}": value for score, value in scores.items()}
        if is_shown(name, shown):
            shares[name.removesuffix(f"_{shown}").replace("_", " ")] = share
    for kind, images in subject.pictures(median_codes(subject)).items():
        scores = digits.recognition(images, subject.data.train_labels.unique())
        name = with_kind("class_medians", kind)
        results.metrics |= {f"{name}/{score}": value for score, value in scores.items()}
    caption = (
        "The classes according to the classifier. Training images show the expected frequencies. If a digit "
        "is rare, the model has not learned it, or the sampler rarely draws its codes."
    )
    results.figures.append(Figure("classes", class_shares(shares, subject.data.class_names), caption))
    results.notes = notes(subject, count)
    return results


def scored_images(subject: Subject, count: int) -> dict[str, Images]:
    """Real test images, reconstructions, and images from each sampler, by name.

    Pictures other than the mean, for example lambda, have the name of their sampler and kind.
    """
    some = subject.test_order[:count]
    sets = {"real_test_images": to_float(subject.grey.test_images[some])}
    of_model = {"reconstructions": {kind: all_of[some] for kind, all_of in subject.reconstructions.items()}}
    of_model |= {name: subject.pictures(codes) for name, codes in draw_codes(subject, count).items()}
    return sets | {
        with_kind(name, kind): images for name, kinds in of_model.items() for kind, images in kinds.items()
    }


def notes(subject: Subject, count: int) -> list[str]:
    """Notes on how to read the scores."""
    texts = [
        f"Features: {NAME}, sha256 {weights_hash()[:16]}, jlml's own digit classifier. It is not Inception: "
        "these distances do not compare with any published FID.",
        f"{count:,} images of each kind are compared with {count:,} training images. Real test images show "
        "the best scores to expect.",
        "Standard errors are for another draw of samples, given the trained model. Those of precision, "
        "density, recall and coverage are also for another draw of the training images.",
    ]
    _, *others = subject.pictures(subject.test_codes[:1])
    if others:
        texts.append(
            f"The rows show {', '.join(sorted(others))} first, then means. The mean of the continuous "
            "Bernoulli is grey where lambda is black, and the classifier has never seen grey backgrounds, so "
            "scores of means say little."
        )
    if subject.model.latent_dim > WIDEST:
        texts.append(f"Distributions are fitted to codes of up to {WIDEST} numbers.")
    if subject.test_images.shape[-1] != SIZE:
        texts.append(f"All images, including real ones, were fitted to {SIZE} x {SIZE} for the classifier.")
    return texts
