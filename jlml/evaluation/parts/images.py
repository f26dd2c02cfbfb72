"""A row of numbers per image, to use codes and losses elsewhere, and their distributions by class."""

from collections.abc import Mapping
from math import isnan

import torch
from torch import Tensor

from jlml.comparison.csv_text import as_csv
from jlml.data.batches import to_float
from jlml.evaluation.results import Figure, Results
from jlml.evaluation.stored_map import stored_map
from jlml.evaluation.subject import Subject
from jlml.metrics.neighbours import nearest
from jlml.metrics.pca import principal_axes
from jlml.models import VAE
from jlml.pictures.figures import distributions

MOST_CLASSES = 30  # in a chart
DIGITS = 6  # significant digits in a file
BOXES = (
    "Boxes are the middle half of the images with their median, and lines reach from the 5th to the 95th "
    "percentile."
)
TITLES = {
    "loss": "loss (nats)",
    "distance": "distance of the code from the origin",
    "radius": "radius of the posterior",
}


def images(subject: Subject) -> Results:
    """Writes `images.csv`, on request also `images_train.csv`, and draws distributions by class."""
    data, codes, train_codes = subject.data, subject.test_codes, subject.train_codes
    test = columns_of(subject, data.test_images, data.test_labels, codes, nearest(train_codes, codes))
    found = stored_map(subject)
    if found is not None:
        mapped = torch.full((len(subject.data.test_labels), 2), torch.nan)
        mapped[found[0]] = found[1]
        test |= {"tsne_1": mapped[:, 0], "tsne_2": mapped[:, 1]}
    names = subject.data.class_names
    results = Results(files={"images.csv": as_rows(test, names)})
    if subject.settings.training_images:
        others = nearest(train_codes, None)  # each image is its own nearest
        train = columns_of(subject, subject.train_images, data.train_labels, train_codes, others)
        results.files["images_train.csv"] = as_rows(train, names)
    if 1 < len(subject.classes) <= MOST_CLASSES:
        by_class = {
            title: {names[n]: test[key][subject.data.test_labels == n] for n in subject.classes}
            for key, title in TITLES.items()
            if key in test
        }
        results.figures.append(
            Figure("by_class", distributions(by_class, [names[n] for n in subject.classes]), BOXES)
        )
    results.notes.append(
        "images.csv has a row per test image: terms of the loss without noise, the code z1, z2, ..., its "
        "distance from the origin, the class of the nearest training code, and the first two principal "
        "components of the pixels. A VAE's radius is the root of the sum of its posterior variances."
    )
    return results


def columns_of(
    subject: Subject, stored: Tensor, labels: Tensor, codes: Tensor, neighbours: Tensor
) -> dict[str, Tensor]:
    """All columns of a table of images, by name.

    Args:
        subject: the model and its data.
        stored: the images as they are stored.
        labels: their classes.
        codes: their codes.
        neighbours: the index of the training image with the nearest code, for each.
    """
    axes = principal_axes(to_float(subject.train_images).flatten(1), 2)
    components = axes.project(to_float(stored).flatten(1)).T
    return {
        "label": labels,
        **measured(subject, stored, codes),
        "nearest_label": subject.data.train_labels[neighbours],
        **{f"pca_{n + 1}": values for n, values in enumerate(components)},
        **{f"z{n + 1}": values for n, values in enumerate(codes.T)},
    }


def measured(subject: Subject, stored: Tensor, codes: Tensor) -> dict[str, Tensor]:
    """Loss, its terms, distance of the code from the origin, and a VAE's radius, of stored images."""
    model = subject.model

    def terms(some: Tensor) -> dict[str, Tensor]:
        images = to_float(some)
        output = model(images, torch.zeros(len(images), model.latent_dim, device=images.device))
        return {"loss": output.loss, **output.terms, **output.extras}

    found = {**subject.in_batches(terms, stored), "distance": codes.norm(dim=1)}
    variances = posterior_variances(subject, stored)
    return found if variances is None else {**found, "radius": variances.sum(1).sqrt()}


def posterior_variances(subject: Subject, stored: Tensor) -> Tensor | None:
    """The variances of the codes of stored images, (images, latent dim); None without a posterior."""
    model = subject.model
    if not isinstance(model, VAE):
        return None
    variances: Tensor = subject.in_batches(lambda some: model.posterior(to_float(some))[1].exp(), stored)
    return variances


def as_rows(columns: Mapping[str, Tensor], class_names: tuple[str, ...]) -> bytes:
    """The table as CSV, with an index, and the names of classes where they are not their numbers."""
    shown = {name: [cell(value) for value in values.tolist()] for name, values in columns.items()}
    if class_names and list(class_names) != [str(n) for n in range(len(class_names))]:
        shown["class"] = [class_names[n] if n >= 0 else "" for n in columns["label"].tolist()]
    rows = [dict(zip(shown, row, strict=True)) for row in zip(*shown.values(), strict=True)]
    header = [
        "index",
        "label",
        *(["class"] if "class" in shown else []),
        *(n for n in columns if n != "label"),
    ]
    return as_csv(header, [{"index": number, **row} for number, row in enumerate(rows)]).encode()


def cell(value: float) -> int | str:
    """A number as text; empty for NaN, an image that t-SNE does not map."""
    if isinstance(value, int):
        return value
    return "" if isnan(value) else f"{value:.{DIGITS}g}"
