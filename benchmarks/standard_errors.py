"""Compares standard errors with the spread of scores over independent repetitions.

    python benchmarks/standard_errors.py                  1,000 images, 70 repetitions, minutes
    python benchmarks/standard_errors.py --images 2000    2,000 images, 35 repetitions

Every repetition has its own images of MNIST, which has 70,000, and its own samples. The table shows the mean
standard error over the standard deviation of the score between repetitions: 1 is right, below 1 is too small.
R repetitions determine it to 1 / sqrt(2 R - 2), 9 % for 70. The last column has the standard error of
independent values for comparison. Needs full MNIST in the folder `data`, or in that of `JLML_DATA`.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from jlml.data import MNISTDataModule
from jlml.data.batches import to_float
from jlml.evaluation.digits import load_classifier
from jlml.evaluation.feature_scores import GROWTH, overlap_scores
from jlml.evaluation.parts.codes import left_out_scores, neighbour_scores
from jlml.evaluation.results import Estimate
from jlml.metrics.dependence import design_effects
from jlml.metrics.gaussian import fit_gaussian
from jlml.metrics.pca import principal_axes

Values = Mapping[str, Tensor]
Case = tuple[Callable[..., Values], float, tuple[Tensor, ...]]

TOTAL = 70_000  # images of MNIST
COMPONENTS = 20  # in which Gaussians generate images


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=1000, help="images per repetition, at least 100")
    count = parser.parse_args().images
    table = Table("score", "mean", "spread", "standard error / spread", "if independent / spread")
    repetitions = torch.arange(TOTAL).split(count)[: TOTAL // count]
    for name, (values_of, growth, sets) in cases():
        scored = [scores(values_of, growth, [some[rows] for some in sets]) for rows in repetitions]
        for score in scored[0]:
            table.add_row(f"{name}: {score}", *row([each[score] for each in scored]))
    Console(width=120).print(table)


def scores(values_of: Callable[..., Values], growth: float, sets: list[Tensor]) -> dict[str, list[Estimate]]:
    """Each score with its standard error, and with the error if the images were independent."""
    effects = design_effects(values_of, *sets, growth=growth)
    return {
        name: [Estimate.mean_of(values, effects[name]), Estimate.mean_of(values)]
        for name, values in values_of(*sets).items()
    }


def row(repetitions: list[list[Estimate]]) -> list[str]:
    """Mean and spread of a score over repetitions, and the two ratios."""
    values = torch.tensor([estimate.value for estimate, _ in repetitions])
    errors = torch.tensor([[each.error for each in both] for both in repetitions])
    ratios = errors.mean(0) / values.std()
    return [f"{values.mean():.3f}", f"{values.std():.4f}", *(f"{ratio:.2f}" for ratio in ratios)]


def cases() -> Iterator[tuple[str, Case]]:
    """Every comparison: the function that scores images, the growth of its effect, and what it takes."""
    images, labels = mnist()
    pixels = images.flatten(1)
    axes = principal_axes(pixels.double(), COMPONENTS)
    codes = axes.project(pixels.double()).float()
    real = features_of(images)
    yield "real images", (overlap_scores, GROWTH, (real, real.roll(TOTAL // 2, 0)))
    for name, classes in (("one Gaussian", torch.zeros_like(labels)), ("a Gaussian per digit", labels)):
        pictures = samples_like(codes, classes) @ axes.directions.float() + axes.mean.float()
        other = features_of(pictures.clamp(0, 1).view_as(images))
        yield (
            name,
            (overlap_scores, GROWTH, (real, other.roll(TOTAL // 2, 0))),
        )  # other digits in a row
    for title, some in (("2 components", codes[:, :2]), ("20 components", codes)):
        yield title, (neighbour_scores, 1, (pixels, some))
        yield title, (left_out_scores, 1, (some, labels))


def samples_like(codes: Tensor, classes: Tensor) -> Tensor:
    """For each code a draw from the Gaussian of the codes of its class."""
    drawn = torch.randn(codes.shape, generator=torch.Generator().manual_seed(0))
    for number in classes.unique():
        here = classes == number
        mean, scale = fit_gaussian(codes[here])
        drawn[here] = mean + drawn[here] @ scale.T
    return drawn


def mnist() -> tuple[Tensor, Tensor]:
    """All images of MNIST in random order, and their labels."""
    data = MNISTDataModule(root=os.environ.get("JLML_DATA", "data"), fallback=False)
    data.setup()
    images = torch.cat([data.train_images, data.validation_images, data.test_images])
    labels = torch.cat([data.train_labels, data.validation_labels, data.test_labels])
    order = torch.randperm(TOTAL, generator=torch.Generator().manual_seed(0))
    return to_float(images[order]), labels[order]


@torch.no_grad()
def features_of(images: Tensor) -> Tensor:
    """The features of the digit classifier."""
    classifier = load_classifier()
    return torch.cat([classifier.features(some) for some in images.split(1000)])


if __name__ == "__main__":
    main()
