"""Steps around a code: how far a code can move in a random direction before its picture changes."""

from math import sqrt

import torch
from jaxtyping import Int64
from torch import Tensor

from jlml.evaluation.feature_scores import seen_by_classifier
from jlml.evaluation.results import Figure, NotApplicableError, Results, means_of
from jlml.evaluation.samplers import WIDEST
from jlml.evaluation.subject import Codes, Images, Subject
from jlml.metrics.gaussian import fit_gaussian
from jlml.pictures.decoded import first_of_each_class
from jlml.pictures.drawing import reading_of
from jlml.pictures.figures import Picture, mosaic

LENGTHS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
SCORED = 2000  # test images
CAPTION = (
    "The first test image of each class, its decoded code, and its code after steps of growing length in one "
    "random direction. A step of length 1 is as long as codes are typically far from their mean. If "
    "neighbouring codes mean the same, the picture still shows the same after a short step."
)


def steps(subject: Subject) -> Results:
    """Pictures and scores of test codes after random steps of growing length.

    Raises:
        NotApplicableError: the codes are too wide for a covariance.
    """
    if subject.model.latent_dim > WIDEST:
        raise NotApplicableError(f"Steps are measured in codes of up to {WIDEST} numbers.")
    results = Results(figures=[Figure("around", around(subject), CAPTION)])
    some = subject.test_order[:SCORED]
    codes, unit_steps = subject.test_codes[some], random_steps(subject, len(some))
    start = subject.shown(codes)
    digits = digits_in(subject, start) if subject.shows_digits else None
    for length in subject.track(LENGTHS, len(LENGTHS)):
        images = subject.shown(codes + length * unit_steps)
        values = {"picture_change": (images - start).square().flatten(1).mean(1)}
        if digits is not None:
            values["same_digit"] = digits_in(subject, images) == digits
        results.metrics |= means_of(values, f"step_{length:g}/")
    results.notes.append(
        f"{len(some):,} test codes, each in one random direction. The picture after a step is compared with "
        "the decoded code before it. Steps follow the covariance of the test codes, so neither the scale nor "
        "the shape of the code space matters: lengths compare between models."
    )
    return results


def around(subject: Subject) -> Picture:
    """The pictures of a code of each class after each step."""
    chosen = first_of_each_class(subject.data.test_labels, 1)
    codes, unit_steps = subject.test_codes[chosen], random_steps(subject, len(chosen))
    rows = [("original", subject.test_images[chosen]), ("no step", subject.shown(codes))]
    rows += [(f"step {length:g}", subject.shown(codes + length * unit_steps)) for length in LENGTHS]
    return mosaic(rows, f"Random steps around codes{reading_of(subject.model.loss)}")


def random_steps(subject: Subject, count: int) -> Codes:
    """Steps in random directions, as long as test codes are typically far from their mean.

    In codes that are standardised to the covariance I, the root mean square distance from the mean is the
    root of the latent dim. A step has this length and a uniform direction there. S maps it to the codes,
    where S S^T is their covariance.
    """
    _, scale = fit_gaussian(subject.test_codes)
    noise = torch.randn(count, subject.model.latent_dim, generator=subject.generator("steps"))
    return sqrt(subject.model.latent_dim) * noise / noise.norm(dim=1, keepdim=True) @ scale.T


def digits_in(subject: Subject, images: Images) -> Int64[Tensor, " images"]:
    """The digits that the classifier sees in images."""
    return seen_by_classifier(subject, images)[1].argmax(1)
