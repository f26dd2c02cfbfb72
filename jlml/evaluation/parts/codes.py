"""Scores of codes: how well they preserve classes, neighbours and distances."""

from torch import Tensor

from jlml.evaluation.results import Estimate, NotApplicableError, Results, dependent_means, means_of
from jlml.evaluation.subject import Codes, Subject
from jlml.metrics.dependence import design_effects
from jlml.metrics.neighbours import Labels, Points, knn_correct, trustworthiness_and_continuity
from jlml.metrics.probes import distance_correlations, linear_probe, silhouette

COUNTS = (1, 5, 15)
NEIGHBOURS = 12
FEWEST = 2 * NEIGHBOURS + 1  # images: trustworthiness needs less than half of them as neighbours


def codes(subject: Subject) -> Results:
    """All scores of the model's codes."""
    return Results(code_scores(subject, subject.train_codes, subject.test_codes))


def code_scores(subject: Subject, train_codes: Codes, test_codes: Codes) -> dict[str, Estimate]:
    """All scores of codes of the training and test images, from the model or from PCA.

    Raises:
        NotApplicableError: there are too few images, or there is only one class.
    """
    train_labels, test_labels = subject.data.train_labels, subject.data.test_labels
    fewest = min(len(train_labels), len(test_labels))
    if fewest < FEWEST or min(len(train_labels.unique()), len(test_labels.unique())) < 2:
        raise NotApplicableError(f"Scores of codes need {FEWEST} training and test images, and two classes.")
    known = knn_correct(train_codes, train_labels, test_codes, test_labels, COUNTS)
    values: dict[str, Tensor] = {f"knn_{k}": right for k, right in known.items()}
    values["linear_probe"] = linear_probe(train_codes, train_labels, test_codes, test_labels)
    pixels = subject.test_images.flatten(1)
    order = subject.test_order  # random, so that every group has all classes
    values["distance_correlation"] = distance_correlations(pixels[order], test_codes[order])
    sets = pixels, test_codes, test_labels
    relative = dependent_means(relative_scores(*sets), design_effects(relative_scores, *sets))
    return means_of(values) | relative


def relative_scores(pixels: Points, codes: Codes, labels: Labels) -> dict[str, Tensor]:
    """Scores of each image's code that depend on the codes of the others."""
    left_out = knn_correct(codes, labels, None, None, COUNTS)
    values: dict[str, Tensor] = {f"leave_one_out_{k}": right for k, right in left_out.items()}
    trust, continuity = trustworthiness_and_continuity(pixels, codes, NEIGHBOURS)
    values |= {"trustworthiness": trust, "continuity": continuity}
    return values | {"silhouette": silhouette(codes, labels)}
