"""Scores of codes: how well they preserve classes, neighbours and distances."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jlml.data.split import classes_in
from jlml.evaluation.results import Estimate, Figure, NotApplicableError, Results, dependent_means, means_of
from jlml.evaluation.subject import Subject
from jlml.metrics.dependence import design_effects
from jlml.metrics.factors import information_gaps, is_class, mutual_information, squared_errors
from jlml.metrics.neighbours import Labels, Points, knn_correct, trustworthiness_and_continuity
from jlml.metrics.probes import ITERATIONS, distance_correlations, linear_probe, silhouette
from jlml.pictures.figures import shaded_table

TrainCodes = Float[Tensor, "train latent"]
TestCodes = Float[Tensor, "test latent"]

COUNTS = (1, 5, 15)
NEIGHBOURS = 12
GROUPS = 10  # of a jackknife
MOST_DIMENSIONS = 16  # in a table
FEWEST = 2 * NEIGHBOURS + 1  # images: trustworthiness needs less than half of them as neighbours


def codes(subject: Subject) -> Results:
    """All scores of the model's codes."""
    results = Results(code_scores(subject, subject.train_codes, subject.test_codes))
    if subject.data.train_factors is not None:
        add_factors(results, subject)
    if "knn_1" not in results.metrics:
        results.notes.append(f"Scores of classes need {FEWEST} images with a class, and two classes.")
    return results


def code_scores(subject: Subject, train_codes: TrainCodes, test_codes: TestCodes) -> dict[str, Estimate]:
    """All scores of codes of the training and test images, from the model or from PCA.

    Those of classes are left out if there are too few images with a class, or only one class.

    Raises:
        NotApplicableError: there are too few images.
    """
    if min(len(train_codes), len(test_codes)) < FEWEST:
        raise NotApplicableError(f"Scores of codes need {FEWEST} training and test images.")
    pixels = subject.test_images.flatten(1)
    order = subject.test_order  # random, so that every group has all classes
    correlations = distance_correlations(pixels[order], test_codes[order])
    neighbours = dependent_means(
        neighbour_scores(pixels, test_codes), design_effects(neighbour_scores, pixels, test_codes)
    )
    return {
        **class_scores(subject, train_codes, test_codes),
        **means_of({"distance_correlation": correlations}),
        **neighbours,
        **gap_score(subject, train_codes),
    }


def class_scores(subject: Subject, train_codes: TrainCodes, test_codes: TestCodes) -> dict[str, Estimate]:
    """How well codes tell classes apart; empty for too few images with a class, or only one class."""
    data = subject.data
    known = data.test_labels >= 0
    sets = test_codes[known], data.test_labels[known]
    found = accuracies(train_codes, data.train_labels, *sets)
    if not found:
        return {}
    return found | dependent_means(left_out_scores(*sets), design_effects(left_out_scores, *sets))


def accuracies(
    train: TrainCodes,
    train_labels: Int64[Tensor, " train"],
    test: TestCodes,
    test_labels: Int64[Tensor, " test"],
    iterations: int = ITERATIONS,
) -> dict[str, Estimate]:
    """Accuracies of classifiers on codes or pixels; empty for too few images with a class, or one class.

    Args:
        train: codes, or any other features, of the training images.
        train_labels: their classes, or -1.
        test: the same of the test images.
        test_labels: their classes, or -1.
        iterations: most iterations of the linear probe.
    """
    known, known_test = train_labels >= 0, test_labels >= 0
    sets = train[known], train_labels[known], test[known_test], test_labels[known_test]
    if (
        min(len(sets[1]), len(sets[3])) < FEWEST
        or min(len(classes_in(sets[1])), len(classes_in(sets[3]))) < 2
    ):
        return {}
    nearest = knn_correct(*sets, COUNTS)
    values: dict[str, Tensor] = {f"knn_{k}": right for k, right in nearest.items()}
    return means_of({**values, "linear_probe": linear_probe(*sets, iterations)})


def gap_score(subject: Subject, train_codes: TrainCodes) -> dict[str, Estimate]:
    """The mutual information gap; empty without known factors. Its error is a jackknife over ten groups."""
    factors = subject.data.train_factors
    if factors is None:
        return {}

    def gap(rows: Tensor) -> float:
        return float(information_gaps(mutual_information(train_codes[rows], factors[rows])).mean())

    groups = torch.randperm(len(factors), generator=subject.generator("groups")).tensor_split(GROUPS)
    without = [gap(torch.cat([*groups[:left], *groups[left + 1 :]])) for left in range(GROUPS)]
    spread = torch.tensor(without, dtype=torch.float64).std(correction=0)
    error = float(spread) * math.sqrt(GROUPS - 1)
    return {"mig": Estimate(gap(torch.arange(len(factors))), len(factors), error)}


def add_factors(results: Results, subject: Subject) -> None:
    """Adds how well each known factor can be read from the codes, and which dimension knows about it."""
    data, names = subject.data, subject.data.source.factor_names
    factors, test_factors = data.train_factors, data.test_factors
    assert factors is not None
    assert test_factors is not None
    shares = mutual_information(subject.train_codes, factors)
    gaps = information_gaps(shares)
    for number, name in enumerate(names):
        known, truth = factors[:, number], test_factors[:, number]
        values = {"information_gap": Estimate(float(gaps[number]), len(factors))}
        if is_class(known):
            classes = known.long(), truth.long()
            right = knn_correct(subject.train_codes, classes[0], subject.test_codes, classes[1], [5])[5]
            probe = linear_probe(subject.train_codes, classes[0], subject.test_codes, classes[1])
            values |= means_of({"linear_probe": probe, "knn_5": right})
        else:
            missed = squared_errors(subject.train_codes, known, subject.test_codes, truth)
            values |= means_of({f"{probe}_r2": 1 - errors for probe, errors in missed.items()})
        results.metrics |= {f"factors/{name}/{score}": value for score, value in values.items()}
    most = shares.max(1).values.argsort(descending=True, stable=True)[:MOST_DIMENSIONS].sort().values
    table = {f"z{dim + 1}": 100 * shares[dim] for dim in most.tolist()}
    title = "Percent of each factor's information, by dimension"
    caption = (
        "The mutual information of each latent dimension with each factor, in percent of the factor's "
        "entropy. Disentangled codes have one high number per column."
    )
    results.figures.append(Figure("factors", shaded_table(table, names, title, most=100), caption))


def neighbour_scores(pixels: Points, codes: Float[Tensor, "points latent"]) -> dict[str, Tensor]:
    """Whether images and their codes have the same neighbours, one value per image."""
    trust, continuity = trustworthiness_and_continuity(pixels, codes, NEIGHBOURS)
    return {"trustworthiness": trust, "continuity": continuity}


def left_out_scores(codes: Points, labels: Labels) -> dict[str, Tensor]:
    """How the other codes classify each code, and how far its class is from the next."""
    left_out = knn_correct(codes, labels, None, None, COUNTS)
    values: dict[str, Tensor] = {f"leave_one_out_{k}": right for k, right in left_out.items()}
    return values | {"silhouette": silhouette(codes, labels)}
