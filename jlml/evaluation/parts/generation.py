"""Scores of generated images: how similar they are to real ones, and whether all digits occur."""

from collections.abc import Mapping

import torch
from torch import Tensor

from jlml.data.batches import to_float
from jlml.data.split import classes_in
from jlml.evaluation.feature_scores import DigitScores, feature_scores
from jlml.evaluation.parts.reconstruction import blur_scores
from jlml.evaluation.results import Figure, NotApplicableError, Results, means_of
from jlml.evaluation.samplers import WIDEST, draw_codes, median_codes
from jlml.evaluation.shown_scores import is_shown, with_kind
from jlml.evaluation.subject import DIGIT_SIZE, Images, Subject
from jlml.metrics.overlap import NEIGHBOURS
from jlml.pictures.figures import shaded_table

MOST_PERCENT = 40  # that are shaded darkest
KNOWN = ("real_test_images", "reconstructions")  # whose sharpness is in the part reconstruction


def generation(subject: Subject) -> Results:
    """Scores of images from every sampler, and of real test images, in comparison with training images."""
    count = min(subject.settings.samples, len(subject.data.train_labels), len(subject.data.test_labels))
    if count <= 2 * NEIGHBOURS:
        raise NotApplicableError(f"Scores of generated images need more than {2 * NEIGHBOURS} images.")
    network = feature_scores(subject, count)
    sets = scored_images(subject, count)
    results = Results()
    shares: dict[str, Tensor | None] = {"training images": network.shares}
    shown = subject.model.loss.shown
    for name, images in subject.track(sets.items(), len(sets)):
        scores, share = network.scores(images)
        if not name.startswith(KNOWN):
            scores |= means_of(blur_scores(images))
        results.metrics |= {f"{name}/{score}": value for score, value in scores.items()}
        if is_shown(name, shown):
            shares[name.removesuffix(f"_{shown}").replace("_", " ")] = share
    if isinstance(network, DigitScores):
        add_classes(
            results, subject, network, {name: some for name, some in shares.items() if some is not None}
        )
    results.notes = [f"Features: {network.about}", *notes(subject, count)]
    return results


def add_classes(
    results: Results, subject: Subject, network: DigitScores, shares: Mapping[str, Tensor]
) -> None:
    """Adds which digits the images and the class medians look like, according to the digit classifier."""
    classes = classes_in(subject.data.train_labels)
    for kind, images in subject.pictures(median_codes(subject)).items():
        _, probabilities = network.seen(images)
        name = with_kind("class_medians", kind)
        scores = {
            "recognised": probabilities.argmax(1) == torch.tensor(classes),
            "confidence": probabilities.max(1).values,
        }
        results.metrics |= means_of(scores, f"{name}/")
        for place, number in enumerate(classes):
            one = {score: values[place] for score, values in scores.items()}
            results.metrics |= means_of(one, f"{name}/{subject.data.class_names[number]}/")
    caption = (
        "The classes according to the classifier. Training images show the expected frequencies. If a digit "
        "is rare, the model has not learned it, or the sampler rarely draws its codes."
    )
    percent = {name: 100 * share for name, share in shares.items()}
    title = "Percent of images that look like each digit"
    table = shaded_table(percent, subject.data.class_names, title, most=MOST_PERCENT)
    results.figures.append(Figure("classes", table, caption))


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
        f"{count:,} images of each kind are compared with {count:,} training images. Real test images show "
        "the best scores to expect.",
        "Standard errors are for another draw of samples, given the trained model. Those of precision, "
        "density, recall and coverage are also for another draw of the training images.",
    ]
    _, *others = subject.pictures(subject.test_codes[:1])
    if others and subject.shows_digits:
        texts.append(
            f"The rows show {', '.join(sorted(others))} first, then means. The mean of the continuous "
            "Bernoulli is grey where lambda is black, and the classifier has never seen grey backgrounds, so "
            "scores of means say little."
        )
    if subject.model.latent_dim > WIDEST:
        texts.append(f"Distributions are fitted to codes of up to {WIDEST} numbers.")
    if subject.settings.features is None and subject.test_images.shape[-1] != DIGIT_SIZE:
        texts.append(
            f"All images, including real ones, were fitted to {DIGIT_SIZE} x {DIGIT_SIZE} for the classifier."
        )
    return texts
