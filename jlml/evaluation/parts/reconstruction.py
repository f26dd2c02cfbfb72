"""Scores of reconstructions of the test images."""

from jaxtyping import Float
from torch import Tensor

from jlml.evaluation.batches import in_batches
from jlml.evaluation.results import Estimate, Figure, Results, means_of
from jlml.evaluation.subject import Images, Subject
from jlml.metrics import bce, mse
from jlml.metrics.images import SMALLEST, psnr, ssim
from jlml.models import VAE
from jlml.pictures.figures import bars, mosaic

CHUNK = 1000
EXTREMES = 15  # number of best and of worst images


def reconstruction(subject: Subject) -> Results:
    """Scores over all test images and per class, and the best and worst reconstructions."""
    values = picture_scores(subject.reconstructions, subject.test_images)
    results = Results(means_of(values))
    for number, name in enumerate(subject.data.class_names):
        chosen = subject.data.test_labels == number
        if chosen.any():
            of_class = {score: some[chosen] for score, some in values.items()}
            results.metrics |= means_of(of_class, f"by_class/{name.replace('/', '-')}/")
    if isinstance(subject.model, VAE):
        results.notes.append(
            "Here a VAE reconstructs each image from its posterior mean. The objective above draws z."
        )
    if "ssim" not in values:
        results.notes.append(f"SSIM needs images of at least {SMALLEST} x {SMALLEST} pixels.")
    results.figures = [extremes(subject, values["mse"]), by_class(results.metrics)]
    return results


def picture_scores(pictures: Images, images: Images) -> dict[str, Float[Tensor, " images"]]:
    """All scores of reconstructed pictures against the original images, one value per image."""

    def score(some: Images, truth: Images) -> dict[str, Tensor]:
        error = mse(some, truth)
        scores = {
            "mse": error,
            "squared_error": error * truth[0].numel(),
            "bce": bce(some, truth),
            "psnr": psnr(some, truth),
        }
        if min(truth.shape[2:]) >= SMALLEST:
            scores["ssim"] = ssim(some, truth)
        return scores

    return in_batches(score, pictures, images, size=CHUNK)


def extremes(subject: Subject, errors: Tensor) -> Figure:
    """The best and the worst reconstructed test images."""
    order = errors.argsort(stable=True)
    best, worst = order[:EXTREMES], order.flip(0)[:EXTREMES]
    rows = [
        ("best", subject.test_images[best]),
        ("reconstruction", subject.reconstructions[best]),
        ("worst", subject.test_images[worst]),
        ("reconstruction", subject.reconstructions[worst]),
    ]
    caption = (
        f"The test images with the smallest squared error (from {errors[order[0]]:.4f} per pixel) and with "
        f"the largest (up to {errors[order[-1]]:.4f}). The best are often the digit 1, which has few bright "
        "pixels."
    )
    return Figure("extremes", mosaic(rows, "Best and worst reconstructions of test images"), caption)


def by_class(metrics: dict[str, Estimate]) -> Figure:
    """The reconstruction error of each class."""
    chosen = {name.split("/")[1]: each for name, each in metrics.items() if name.endswith("/mse")}
    picture = bars(
        list(chosen),
        [each.value for each in chosen.values()],
        [each.error for each in chosen.values()],
        "mse per pixel",
        "Reconstruction error by class",
        reference=(metrics["mse"].value, "all test images"),
    )
    caption = "Mean squared error of each class. Error bars are standard errors over its images."
    return Figure("by_class", picture, caption)
