"""Scores of reconstructions of the test images."""

from jaxtyping import Float
from torch import Tensor

from jlml.evaluation.batches import in_batches
from jlml.evaluation.results import Estimate, Figure, Results, means_of
from jlml.evaluation.subject import Images, Subject
from jlml.metrics import bce, mse
from jlml.metrics.images import SMALLEST, gradient_energy, grey_share, psnr, ssim
from jlml.models import VAE
from jlml.pictures.drawing import reading_of
from jlml.pictures.figures import COLUMNS, bars, mosaic

CHUNK = 1000
ORIGINALS = "test_images"  # before the scores of the images themselves
MOST_BARS = 30  # classes in a chart


def reconstruction(subject: Subject) -> Results:
    """Scores over all test images and per class, and the best and worst reconstructions.

    Scores of another picture than the mean, for example lambda, have its name before theirs.
    """
    kinds = subject.reconstructions
    scores = {kind: picture_scores(images, subject.test_images) for kind, images in kinds.items()}
    results = Results()
    for kind, values in scores.items():
        prefix = "" if kind == "mean" else f"{kind}/"
        results.metrics |= means_of(values, prefix)
        for number, name in enumerate(subject.data.class_names):
            chosen = subject.data.test_labels == number
            if chosen.any():
                of_class = {score: some[chosen] for score, some in values.items()}
                results.metrics |= means_of(of_class, f"{prefix}by_class/{name.replace('/', '-')}/")
    results.metrics |= means_of(in_batches(blur_scores, subject.test_images, size=CHUNK), f"{ORIGINALS}/")
    if isinstance(subject.model, VAE):
        results.notes.append(
            "Here a VAE reconstructs each image from its posterior mean. The objective draws z instead, so "
            "its errors differ."
        )
    if "ssim" not in scores["mean"]:
        results.notes.append(f"SSIM needs images of at least {SMALLEST} x {SMALLEST} pixels.")
    shown = subject.model.loss.shown
    errors = scores[shown]["mse"]
    results.figures = [extremes(subject, kinds[shown], errors)]
    if 0 < len(subject.classes) <= MOST_BARS:
        results.figures.append(by_class(subject, errors))
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
            **blur_scores(some),
        }
        if min(truth.shape[2:]) >= SMALLEST:
            scores["ssim"] = ssim(some, truth)
        return scores

    return in_batches(score, pictures, images, size=CHUNK)


def blur_scores(pictures: Images) -> dict[str, Tensor]:
    """How blurred each picture is."""
    return {"gradient_energy": gradient_energy(pictures), "grey_share": grey_share(pictures)}


def extremes(subject: Subject, pictures: Images, errors: Tensor) -> Figure:
    """The best and the worst reconstructed test images, and their pictures."""
    order = errors.argsort(stable=True)
    best, worst = order[:COLUMNS], order.flip(0)[:COLUMNS]
    rows = [
        ("best", subject.test_images[best]),
        ("", pictures[best]),
        ("worst", subject.test_images[worst]),
        ("", pictures[worst]),
    ]
    caption = (
        f"The test images with the smallest squared error (from {errors[order[0]]:.4f} per pixel) and with "
        f"the largest (up to {errors[order[-1]]:.4f}), each above its reconstruction."
    )
    if subject.data.source.is_mnist:
        caption += " The best are often the digit 1, which has few bright pixels."
    title = f"Best and worst reconstructions{reading_of(subject.model.loss)}"
    return Figure("extremes", mosaic(rows, title), caption)


def by_class(subject: Subject, errors: Tensor) -> Figure:
    """The reconstruction error of each class."""
    names, labels = subject.data.class_names, subject.data.test_labels
    chosen = {
        name: Estimate.mean_of(errors[labels == number])
        for number, name in enumerate(names)
        if (labels == number).any()
    }
    picture = bars(
        list(chosen),
        [each.value for each in chosen.values()],
        [each.error for each in chosen.values()],
        "MSE per pixel",
        f"Reconstruction error by class{reading_of(subject.model.loss)}",
        reference=(float(errors.mean()), "all test images"),
    )
    caption = "Mean squared error of each class. Error bars are standard errors over its images."
    return Figure("by_class", picture, caption)
