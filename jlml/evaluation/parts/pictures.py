"""Pictures for the report: reconstructions, codes, interpolations, planes and samples."""

from collections.abc import Callable

import torch
from torch import Tensor

from jlml.comparison.quantities import SAMPLED_FROM
from jlml.errors import UserError
from jlml.evaluation.history import movement
from jlml.evaluation.loss_shapes import shapes_of_losses
from jlml.evaluation.planes import decoded_planes
from jlml.evaluation.results import Figure, NotApplicableError, Results
from jlml.evaluation.samplers import SAMPLERS, WIDEST, draw_codes, median_codes
from jlml.evaluation.subject import Subject
from jlml.evaluation.summary import own_sampler
from jlml.files import is_number
from jlml.metrics.names import EPOCH_LOSS, MONITOR
from jlml.models import VAE
from jlml.pictures.decoded import first_of_each_class, in_rows, line, name_of, shown_first
from jlml.pictures.drawing import reading_of
from jlml.pictures.figures import COLUMNS, Picture, Plane, mosaic, plane_of, scatter, scatters, training_curve
from jlml.pictures.plane import limits_of
from jlml.training.history import FILE as HISTORY
from jlml.training.history import read_history

PER_CLASS = 2
STEPS = 9
ROWS = 5  # of new images
LARGEST_HISTORY = 1 << 25  # bytes: of a hundred thousand rows
EXPLAINED = (
    "Lambda is the parameter of the continuous Bernoulli and the picture that stands for it. Its mean is "
    "greyer: lambda .01 has mean .207, so a black pixel has a grey mean. Both are the same prediction."
)


def pictures(subject: Subject) -> Results:
    """All pictures. If one cannot be drawn, a note says why."""
    results = Results()
    for draw in DRAWN:
        try:
            drawn = draw(subject)
            results.figures += [drawn] if isinstance(drawn, Figure) else drawn
        except (UserError, NotApplicableError) as reason:
            results.notes.append(str(reason))
    return results


def reconstructions(subject: Subject) -> Figure:
    """Images of every class and their reconstructions, in every kind of picture of the observation model."""
    picture, several = reconstructed(subject, first_of_each_class(subject.data.test_labels, PER_CLASS))
    which = f"The first {PER_CLASS} test images of each class" if subject.classes else "The first test images"
    caption = f"{which}, and their decoded codes."
    if several:
        caption += f" {EXPLAINED}"
    return Figure("reconstructions", picture, caption)


def reconstructed(subject: Subject, chosen: Tensor) -> tuple[Picture, bool]:
    """Test images above their reconstructions, and whether these are of several kinds."""
    kinds = subject.pictures(subject.test_codes[chosen])
    rows = in_rows({"original": subject.test_images[chosen], **shown_first(kinds, subject.model.loss)})
    return mosaic(rows, "Test images and their reconstructions"), len(kinds) > 1


def latent_scatter(subject: Subject) -> Figure:
    """A scatter plot of the codes of the test images."""
    caption = "One point per test image"
    caption += ", coloured by class. A class's name is at its median." if subject.classes else "."
    if subject.model.latent_dim > 2:
        caption += (
            f" The {subject.model.latent_dim} dimensions are projected to their first two principal "
            "components, so classes that overlap here can be apart in the code."
        )
    return Figure("latent_scatter", scattered(subject), caption)


def scattered(subject: Subject) -> Picture:
    """The scatter plot of the codes of the test images."""
    plane, data = plane_of(subject.test_codes), subject.data
    title = f"Codes of {len(plane.points):,} test images"
    return scatter(plane, data.test_labels, data.class_names, limits_of(plane.points), title)


def against_pca(subject: Subject) -> Figure:
    """The codes of the model, and the principal components of the images."""
    components = subject.pca.test_codes  # in the order of their variance
    of_pca = plane_of(components) if subject.model.latent_dim == 1 else Plane(components[:, :2], ("", ""))
    planes = {"codes of the model": plane_of(subject.test_codes), "PCA of the images": of_pca}
    picture = scatters(planes, subject.data.test_labels, subject.data.class_names)
    return Figure("against_pca", picture, "The codes of the same test images, from the model and from PCA.")


def class_medians(subject: Subject) -> Figure:
    """The decoded median of the codes of each class."""
    medians = median_codes(subject)
    nearest = torch.cdist(medians, subject.test_codes).argmin(1)
    rows = in_rows({"median": subject.shown(medians), "nearest": subject.test_images[nearest]})
    caption = (
        "The decoded median of each class's training codes, computed per dimension, and below it the test "
        "image with the nearest code. If a class has two clusters, the median can be outside both."
    )
    title = f"A typical image of each class{reading_of(subject.model.loss)}"
    return Figure("class_medians", mosaic(rows, title), caption)


def interpolations(subject: Subject) -> Figure:
    """Linear interpolations between images of consecutive classes, in code space and in pixel space."""
    labels, names = subject.data.test_labels, subject.data.class_names
    first = first_of_each_class(labels, 1)
    rows = []
    for start, end in zip(first.tolist(), first.roll(-1).tolist(), strict=True):
        ends = subject.test_codes[start : start + 1], subject.test_codes[end : end + 1]
        name = " to ".join(name_of(image, labels, names) for image in (start, end))
        rows.append((name, subject.shown(line(*ends, STEPS))))
        images = subject.test_images[start : start + 1], subject.test_images[end : end + 1]
        rows.append(("pixels", line(*images, STEPS)))
    caption = (
        "From one test image to another: upper rows along the straight line between their codes, lower rows "
        "a blend of their pixels. With good codes, all images on the line look real."
    )
    title = f"Between two codes, decoded{reading_of(subject.model.loss)}, and between their pixels"
    return Figure("interpolations", mosaic(rows, title), caption)


def samples(subject: Subject) -> Figure:
    """New images from the model's own distribution of codes, below real ones."""
    own = own_sampler(subject.model.sampled_from)
    drawn = draw_codes(subject, ROWS * COLUMNS)
    if own not in drawn:
        raise NotApplicableError(f"Distributions are fitted to codes of up to {WIDEST} numbers.")
    new = subject.shown(drawn[own]).split(COLUMNS)
    real = subject.test_images[subject.test_order[:COLUMNS]]
    rows = [("real", real), ("new", new[0]), *(("", row) for row in new[1:])]
    title = f"New images{reading_of(subject.model.loss)} from {SAMPLED_FROM[own]}"
    caption = f"Real test images, and below them decoded codes from the {SAMPLERS[own]}."
    return Figure("samples", mosaic(rows, title), caption)


def samplers(subject: Subject) -> Figure:
    """New images from each sampler."""
    rows = []
    for name, codes in draw_codes(subject, 2 * COLUMNS).items():
        upper, lower = subject.shown(codes).split(COLUMNS)
        rows += [(SAMPLERS[name], upper), ("", lower)]
    caption = "Decoded codes from each sampler."
    if not isinstance(subject.model, VAE):
        caption += " An autoencoder's codes are not trained to match the prior, so look at the others."
    return Figure("samplers", mosaic(rows, f"New images by sampler{reading_of(subject.model.loss)}"), caption)


def training(subject: Subject) -> list[Figure]:
    """The loss over the epochs; empty for a run without `history.csv`, which older versions did not write."""
    _, rows = read_history(subject.run.path / HISTORY, LARGEST_HISTORY)
    curves = {}
    for split, name in (("train", EPOCH_LOSS), ("val", MONITOR)):
        points = [(float(row["epoch"]), float(row[name])) for row in rows if row.get(name)]
        points = [point for point in points if all(map(is_number, point))]  # diverged, or untrusted
        if points:
            epochs, losses = zip(*points, strict=True)
            curves[split] = (epochs, losses)
    if not curves:
        return []
    caption = "The loss after each epoch. Training is measured while the weights change, validation after it."
    return [Figure("training", training_curve(curves, "loss (nats per image)"), caption)]


# in the order of the report
DRAWN: tuple[Callable[[Subject], Figure | list[Figure]], ...] = (
    reconstructions,
    latent_scatter,
    against_pca,
    class_medians,
    interpolations,
    decoded_planes,
    samples,
    samplers,
    training,
    movement,
    lambda _: shapes_of_losses(),
)
