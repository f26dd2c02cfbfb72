"""Numbers of the article that no evaluation has: tables by digit, spectra, and maps."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from figures import (
    AE,
    DIMS,
    VAE,
    Runs,
    images_near,
    mapped,
    neighbours_of,
    seen,
    with_contrast,
)
from torch import Tensor

from jlml.data.batches import to_float
from jlml.evaluation.feature_scores import feature_scores
from jlml.evaluation.parts.images import posterior_variances
from jlml.evaluation.parts.steps import digits_in
from jlml.evaluation.samplers import draw_codes
from jlml.evaluation.subject import Subject
from jlml.metrics.gaussian import fit_gaussian
from jlml.metrics.images import gradient_energy
from jlml.metrics.neighbours import knn_correct
from jlml.metrics.pca import pca_errors, principal_axes

DIGITS = 4
EIGENVALUES = 64
BLURRED = 500  # test images whose neighbours are averaged


def tables(runs: Runs) -> dict[str, Any]:
    """All tables, from the runs with seed 0."""
    ae, vae = runs.subject(AE), runs.subject(VAE)
    train = to_float(vae.train_images).flatten(1)
    axes = principal_axes(train, EIGENVALUES)
    total = float((train - axes.mean).square().sum(1).mean())
    errors = pca_errors(train, vae.test_images.flatten(1), DIMS)
    return {
        "seen": {"ae": rounded(seen(ae)), "vae": rounded(seen(vae))},
        "nearest": {"ae": rounded(neighbours_of(ae)), "vae": rounded(neighbours_of(vae))},
        "black": round(float((train == 0).double().mean()), DIGITS),
        "pca mse": {str(dim): round(error, 5) for dim, error in zip(DIMS, errors, strict=True)},
        "spectrum": rounded(axes.shares * total),
        "blur": blur(vae),
        "read": read(vae),
        "cloud": width_of_cloud(vae),
        "weights": attempted("weights", lambda: weights(runs)),
        "maps": attempted("map scores", lambda: map_scores(runs)),
    }


def read(subject: Subject) -> float:
    """The share of real test images in which the classifier sees their digit."""
    right = digits_in(subject, subject.test_images) == subject.data.test_labels
    return round(float(right.double().mean()), DIGITS)


def width_of_cloud(subject: Subject) -> float:
    """The root mean square distance of a draw from its mean, where the codes' own is 1, in their shape."""
    variances = posterior_variances(subject, subject.data.test_images)
    assert variances is not None  # of a VAE
    _, scale = fit_gaussian(subject.test_codes)
    shape = torch.linalg.inv(scale.double())
    squared = (shape.square() @ variances.double().T).sum(0)  # of a draw, in standardised codes
    return round(float((squared.mean() / len(scale)).sqrt()), 3)


def weights(runs: Runs) -> dict[str, int]:
    """The number of trained parameters of the models that are compared at equal size."""
    groups = {
        "ae": AE,
        "ae 64": "dims model=ae_wide latent.dim=64",
        "conv 2": "conv latent=d2",
        "conv 16": "conv latent=d16",
        "equal": "equal",
        "spatial": "spatial",
    }
    return {
        name: sum(parameter.numel() for parameter in runs.subject(group).model.parameters())
        for name, group in groups.items()
    }


def blur(subject: Subject) -> dict[str, float]:
    """How far decoded codes are from their image, and from the mean of the images around them: MSE."""
    chosen = subject.test_order[:BLURRED]
    decoded = subject.shown(subject.test_codes[chosen])
    means = torch.stack([images_near(subject, code).mean(0) for code in subject.test_codes[chosen]])
    errors = {"image": subject.test_images[chosen], "mean": means}
    return {name: round(float((decoded - other).square().mean()), 5) for name, other in errors.items()}


def contrast(folder: Path) -> dict[str, dict[str, float]]:
    """The scores of the Bernoulli's pictures after the curve that makes lambda of a mean, by metric and seed.

    Args:
        folder: folder of the sweeps.
    """
    found: dict[str, dict[str, float]] = {}
    for seed in range(3):
        subject = Runs(folder, seed).subject(VAE)
        count = min(subject.settings.samples, len(subject.data.test_labels))
        new = with_contrast(subject.shown(draw_codes(subject, count)["prior"]))
        own = with_contrast(subject.shown(subject.test_codes))
        scores, _ = feature_scores(subject, count).scores(new)
        values = {
            "generation/prior/frechet_distance": scores["frechet_distance"].value,
            "reconstruction/mse": float((own - subject.test_images).square().mean()),
            "reconstruction/gradient_energy": float(gradient_energy(own).mean()),
        }
        for metric, value in values.items():
            found.setdefault(metric, {})[str(seed)] = float(f"{value:.6g}")
    return found


def attempted(name: str, make: Callable[[], Any]) -> Any:
    """The result of a function; None, and a message, if a run is missing."""
    try:
        return make()
    except (FileNotFoundError, ValueError) as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None


def map_scores(runs: Runs) -> dict[str, float]:
    """The share of images whose five nearest others in a t-SNE map have their class."""
    planes, labels = mapped(runs)
    return {
        name.replace(", perplexity", ""): round(
            float(knn_correct(points, labels, None, None, [5])[5].double().mean()), DIGITS
        )
        for name, points in planes.items()
    }


def rounded(values: Tensor) -> Any:
    """Nested lists of rounded numbers."""
    return [rounded(row) for row in values] if values.dim() > 1 else [round(float(v), DIGITS) for v in values]
