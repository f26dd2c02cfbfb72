"""Baselines on the same split: PCA with the same latent dim, the mean training image, and raw pixels."""

import torch
from jaxtyping import Float64
from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.parts.codes import accuracies, code_scores
from jlml.evaluation.parts.reconstruction import picture_scores
from jlml.evaluation.results import Estimate, Figure, NotApplicableError, Results, means_of
from jlml.evaluation.subject import Subject
from jlml.metrics.angles import angles_between, principal_angles
from jlml.pictures.figures import shaded_table

# with all test images and 300 iterations, the accuracies of MNIST's pixels would take 40 s instead of 10
CLASSIFIED = 2000  # test images that are classified by their pixels
PIXEL_ITERATIONS = 100
MOST_ANGLES = 8  # latent dimensions in a table
CLOSE = 1e-4  # rounding errors of a linear decoder, relative to its largest logit


def baselines(subject: Subject) -> Results:
    """Scores of reconstructions by the mean image and by PCA, of PCA's codes, and of the pixels themselves.

    Of a linear decoder also the angles between its columns and PCA's components.
    """
    truth = subject.test_images
    mean = to_float(subject.train_images).mean(0, keepdim=True).expand_as(truth)
    results = Results(means_of(picture_scores(mean, truth), "mean_image/"))
    data, some = subject.data, subject.test_order[:CLASSIFIED]
    pixels = to_float(subject.train_images).flatten(1)
    found = accuracies(
        pixels, data.train_labels, truth.flatten(1)[some], data.test_labels[some], PIXEL_ITERATIONS
    )
    results.metrics |= {f"pixels/{name}": value for name, value in found.items()}
    try:
        pca = subject.pca
        results.metrics |= means_of(picture_scores(pca.reconstructions, truth), "pca/")
        scores = code_scores(subject, pca.train_codes, pca.test_codes)
        results.metrics |= {f"pca/{name}": value for name, value in scores.items()}
        add_angles(results, subject)
    except NotApplicableError as reason:
        results.notes.append(str(reason))
    return results


def add_angles(results: Results, subject: Subject) -> None:
    """Adds the angles between the columns of a linear decoder and the principal components of the images."""
    columns = linear_columns(subject)
    if columns is None:
        return
    components = subject.pca.directions.double()
    principal, between = principal_angles(columns, components), angles_between(columns)
    results.metrics |= {
        "largest_angle": Estimate(float(principal[0]), 1),
        "smallest_angle": Estimate(float(principal[-1]), 1),
    }
    dims = len(columns)
    if dims > 1:
        apart = between[~torch.eye(dims, dtype=torch.bool)]
        results.metrics["smallest_weight_angle"] = Estimate(float(apart.min()), 1)
    if 1 < dims <= MOST_ANGLES:
        names = [*(f"z{n + 1}" for n in range(dims)), *(f"PCA {n + 1}" for n in range(dims))]
        rows = dict(zip(names, angles_between(torch.cat([columns, components])), strict=True))
        caption = (
            "Angles between the columns of the linear decoder, one per latent dimension, and the principal "
            "components of the images. Components are perpendicular; columns need not be, also if they span "
            "the same space."
        )
        table = shaded_table(rows, names, "Angles in degrees", most=90)
        results.figures.append(Figure("angles", table, caption))


@torch.no_grad()
def linear_columns(subject: Subject) -> Float64[Tensor, "latent pixels"] | None:
    """What a linear decoder adds to its logits per unit of each latent dimension; None for another decoder.

    A map f is linear, up to a constant, if f(a + b) - f(a) - f(b) + f(0) is 0 for all a and b.
    """
    dims = subject.model.latent_dim
    codes = torch.randn(2, dims, generator=subject.generator("linear"))
    inputs = torch.cat([codes, codes.sum(0, keepdim=True), torch.zeros(1, dims), torch.eye(dims)])
    logits = subject.in_batches(subject.model.decoder, inputs).flatten(1).double()
    one, other, both, none = logits[:4]
    if (both - one - other + none).abs().max() > CLOSE * logits.abs().max():
        return None
    return logits[4:] - none
