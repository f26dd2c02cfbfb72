"""Pictures that compare groups of runs: the same images, on the same axes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from PIL import Image

from jlml.comparison.descriptions import observation_in_words
from jlml.comparison.groups import Group
from jlml.config.schema import Evaluate
from jlml.errors import reason_of
from jlml.evaluation.feature_scores import seen_by_classifier
from jlml.evaluation.parts.images import BOXES, TITLES, measured, posterior_variances
from jlml.evaluation.planes import along_axes, along_components, over_region
from jlml.evaluation.record import Evaluation, is_figure
from jlml.evaluation.results import Figure
from jlml.evaluation.samplers import SAMPLERS, draw_codes, median_codes
from jlml.evaluation.subject import Images, Subject
from jlml.evaluation.themes import Groups
from jlml.pictures.decoded import first_of_each_class, line, name_of, pairs_of_images, shown_first
from jlml.pictures.figures import (
    COLUMNS,
    Picture,
    Plane,
    distributions,
    mosaic,
    plane_of,
    points_by_kind,
    scatters,
)

PAIRS = ((4, 9), (3, 8), (1, 7))  # classes of the interpolations, as far as the images have them
STEPS = 9  # odd, so that one image is the middle
SCATTERED = 4000  # test images in a scatter
MOST_PIXELS = 1 << 23  # of a t-SNE map, whose file is untrusted: a small PNG can have a billion
SHOWN_SAMPLERS = ("prior", "mixture")
LIMITS = ((-3.5, 3.5), (-3.5, 3.5))  # in standard deviations

Rows = list[tuple[str, Images]]


@dataclass(frozen=True)
class Section:
    """Pictures of one kind, with an explanation. ``small`` ones stand side by side."""

    name: str
    title: str
    about: str
    figures: list[Figure]
    small: bool = False


@dataclass(frozen=True)
class Interpolation:
    """The decoded line between the codes of two images, and what the classifier sees in its middle."""

    images: Images
    middle: str


@dataclass
class GroupPictures:
    """The pictures of one run of a group."""

    reconstructions: dict[str, Images]  # by kind of picture, first the one that stands for the loss
    interpolations: list[Interpolation]
    samples: dict[str, Images]  # by sampler
    medians: Images | None  # None for images without classes
    codes: Plane
    plane: Picture | list[Picture] | None
    maps: Picture | None
    measured: dict[str, torch.Tensor]  # of every test image in the scatter: loss, distance, radius
    observation: str  # the observation model, in words
    dimensions: (
        list[tuple[float, float]] | None
    )  # spread and radius of each dimension; None without a posterior


@dataclass
class Reference:
    """The test images of the first group, which all groups show.

    Args:
        subject: first run of the first group.
        chosen: an image of each class.
        pairs: ends of the interpolations.
        scattered: images in scatter plots.
    """

    subject: Subject
    chosen: torch.Tensor = field(init=False)
    pairs: list[tuple[int, int]] = field(init=False)
    scattered: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        labels = self.subject.data.test_labels
        self.chosen = first_of_each_class(labels, 1)
        self.pairs = pairs_of_images(labels, PAIRS)
        self.scattered = self.subject.test_order[:SCATTERED]


def group_pictures(groups: Groups, settings: Evaluate, failed: list[str]) -> Iterator[Section]:
    """The same test images and new images through one run of every group.

    A group with other test images is left out, because it may have been trained on these. Pictures that
    cannot be drawn are added to ``failed``.
    """
    reference = Reference(Subject(groups[0].first.run, settings.checkpoint, settings))
    images = reference.subject.data.test_images
    shown: dict[str, GroupPictures] = {}
    others = []
    for group in groups:  # one model in memory at a time
        try:
            run = with_seed(group, reference.subject.config["seed"])
            subject = Subject(run.run, settings.checkpoint, settings)
            if torch.equal(subject.data.test_images, images):
                shown[group.label] = pictures_of(subject, run, reference)
            else:
                others.append(group.label)
        except Exception as error:  # the other groups can still be shown
            failed.append(f"pictures of {group.label} ({reason_of(error)})")
    if not shown:
        return
    left_out = f" Left out, because their test images differ: {', '.join(others)}." if others else ""
    for draw in SECTIONS:
        section = draw(shown, reference)
        if section.figures:
            note = left_out if draw is reconstructions else ""
            yield replace(section, about=section.about + note)


def with_seed(group: Group[Evaluation], seed: int) -> Evaluation:
    """The group's run with this seed, on which the split can depend; otherwise the first run."""
    return next((run for run in group.runs if run.config["seed"] == seed), group.first)


def pictures_of(subject: Subject, run: Evaluation, reference: Reference) -> GroupPictures:
    """All pictures of one run."""
    kinds = subject.pictures(subject.test_codes[reference.chosen])
    new_codes, some = draw_codes(subject, COLUMNS), subject.data.test_images[reference.scattered]
    return GroupPictures(
        shown_first(kinds, subject.model.loss),
        [interpolation(subject, *pair) for pair in reference.pairs],
        {name: subject.shown(new_codes[name]) for name in SHOWN_SAMPLERS if name in new_codes},
        subject.shown(median_codes(subject))[:COLUMNS] if subject.classes else None,
        standardised(plane_of(subject.test_codes[reference.scattered])),
        decoded_plane(subject),
        tsne_maps(run),
        measured(subject, some, subject.test_codes[reference.scattered]),
        observation_in_words(run.config, all_options=False),
        spread_and_radius(subject, some, subject.test_codes[reference.scattered]),
    )


def spread_and_radius(
    subject: Subject, stored: torch.Tensor, codes: torch.Tensor
) -> list[tuple[float, float]] | None:
    """Of each latent dimension, the standard deviation of the codes, and the root mean posterior variance."""
    variances = posterior_variances(subject, stored)
    if variances is None:
        return None
    spread, radius = codes.std(0, correction=0), variances.mean(0).sqrt()
    return list(zip(spread.tolist(), radius.tolist(), strict=True))


def interpolation(subject: Subject, start: int, end: int) -> Interpolation:
    """The straight line between the codes of two test images, decoded."""
    codes = subject.test_codes
    images = subject.shown(line(codes[start : start + 1], codes[end : end + 1], STEPS))
    if not subject.shows_digits:
        return Interpolation(images, "")
    _, probabilities = seen_by_classifier(subject, images[STEPS // 2 : STEPS // 2 + 1])
    confidence, digit = probabilities[0].max(0)
    return Interpolation(images, f"middle: {int(digit)}, {100 * float(confidence):.0f} %")


def decoded_plane(subject: Subject) -> Picture | list[Picture] | None:
    """The decoded plane of the codes: of 2-D codes their own, otherwise along two principal components."""
    if subject.model.latent_dim < 2:
        return None
    plane = along_axes(subject) if subject.model.latent_dim == 2 else along_components(subject)
    return over_region(subject, plane).picture


def tsne_maps(run: Evaluation) -> Picture | None:
    """The maps of the run's evaluation, if it has this part."""
    part = run.parts.get("tsne", {})
    if part.get("status") != "done":
        return None
    file = run.folder / "tsne_maps.png"
    if not is_figure(file):
        return None
    with Image.open(file, formats=["PNG"]) as image:  # other formats can start programs
        return np.asarray(image.convert("RGB")) if image.width * image.height <= MOST_PIXELS else None


def standardised(plane: Plane) -> Plane:
    """Centres the points and divides them by one number: the scale of an autoencoder's codes is arbitrary."""
    points = plane.points - plane.points.mean(0)
    spread = points.square().mean().sqrt().clamp_min(torch.finfo(points.dtype).tiny)
    return Plane(points / spread, ("", ""))


Shown = Mapping[str, GroupPictures]  # by label of the group


def reconstructions(shown: Shown, reference: Reference) -> Section:
    """The same test images, reconstructed by every group."""
    rows: Rows = [("original", reference.subject.test_images[reference.chosen])]
    kinds: set[str] = set()
    for label, some in shown.items():
        first, *others = some.reconstructions.items()
        rows.append((label if first[0] == "mean" else f"{label} ({first[0]})", first[1]))
        rows += [(f"{label} ({kind})", images) for kind, images in others]
        kinds |= {first[0], *dict(others)}
    about = "The first test image of each class, and what one run of each group makes of it."
    if "lambda" in kinds:
        about += (
            " Lambda stands for the continuous Bernoulli. Its mean is shown too: it is greyer, because a "
            "black pixel has a grey mean."
        )
    figure = Figure("reconstructions", mosaic(rows, "Test images and their reconstructions"), "")
    return Section("reconstructions", "Reconstructions", about, [figure])


def interpolations(shown: Shown, reference: Reference) -> Section:
    """The lines between the same two images, in the codes of every group."""
    figures = []
    subject = reference.subject
    for number, (start, end) in enumerate(reference.pairs):
        ends = subject.test_images[start : start + 1], subject.test_images[end : end + 1]
        rows: Rows = [("blend of the pixels", line(*ends, STEPS))]
        for label, some in shown.items():
            each = some.interpolations[number]
            rows.append((f"{label}; {each.middle}" if each.middle else label, each.images))
        names = [name_of(place, subject.data.test_labels, subject.data.class_names) for place in (start, end)]
        title = f"From {names[0]} to {names[1]}"
        figures.append(Figure(f"interpolation_{number + 1}", mosaic(rows, title), ""))
    about = (
        "The straight line between the codes of two test images, decoded. With good codes, every image on "
        "the line looks real, also the fifth, which is the middle."
    )
    if subject.shows_digits:
        about += (
            " The label of a row has the digit that the classifier sees in the middle, and the probability "
            "that it gives to it; a blur can also have a high one."
        )
    return Section("interpolations", "Interpolations", about, figures)


def samples(shown: Shown, reference: Reference) -> Section:
    """New images of every group, by sampler."""
    subject = reference.subject
    real = ("real test images", subject.test_images[subject.test_order[:COLUMNS]])
    figures = []
    for sampler in SHOWN_SAMPLERS:
        rows = [(label, some.samples[sampler]) for label, some in shown.items() if sampler in some.samples]
        title = f"New images: {SAMPLERS[sampler]}"
        if rows:  # wide codes have no mixture
            figures.append(Figure(f"samples_{sampler}", mosaic([real, *rows], title), ""))
    about = (
        "Decoded codes from the prior, and from a mixture of Gaussians fitted to the codes of the training "
        "images. Groups with the same latent dim decode the same codes from the prior. An autoencoder's "
        "codes are not trained to match the prior: compare it by the mixture."
    )
    return Section("samples", "New images", about, figures)


def medians(shown: Shown, reference: Reference) -> Section:
    """The decoded median code of each class, by group."""
    rows: Rows = [(label, some.medians) for label, some in shown.items() if some.medians is not None]
    about = "The decoded median of the training codes of each class: what the group considers typical."
    figures = [Figure("class_medians", mosaic(rows, "A typical image of each class"), "")] if rows else []
    return Section("class_medians", "Class medians", about, figures)


def planes(shown: Shown, reference: Reference) -> Section:
    """The decoded plane of every group."""
    figures = by_group("plane", {label: some.plane for label, some in shown.items()})
    about = (
        "The decoded image at each point of a plane of codes, over the region of the test codes. Of more "
        "than two dimensions, the plane is along the first two principal components of the codes."
    )
    return Section("planes", "Decoded planes", about, figures, small=True)


def codes(shown: Shown, reference: Reference) -> Section:
    """A scatter plot per group of the codes of the same test images, on the same axes."""
    labels = reference.subject.data.test_labels[reference.scattered]
    by_label = {label: some.codes for label, some in shown.items()}
    picture = scatters(by_label, labels, reference.subject.data.class_names, limits=LIMITS)
    about = (
        f"Codes of the same {len(labels):,} test images, coloured by class. Codes with more than two "
        "dimensions are shown by their first two principal components, so classes that overlap here can be "
        "apart. The scale of an autoencoder's codes is arbitrary, so each panel is centred and divided by "
        "its standard deviation."
    )
    return Section("codes", "Codes", about, [Figure("codes", picture, "")])


def maps(shown: Shown, reference: Reference) -> Section:
    """The t-SNE maps of every group that has them."""
    figures = by_group("tsne", {label: some.maps for label, some in shown.items()})
    about = (
        "Maps of the same test images for each group. t-SNE preserves neighbours, not distances: sizes of "
        "clusters and gaps between them have no meaning."
    )
    return Section("tsne", "t-SNE maps", about, figures, small=True)


def distributions_by_group(shown: Shown, reference: Reference) -> Section:
    """Distributions of loss, distance and radius by group, and each latent dimension's spread and radius."""
    panels: dict[str, dict[str, torch.Tensor]] = {}
    for key, title in TITLES.items():
        for label, some in shown.items():
            if key in some.measured:
                of_loss = f": {some.observation}" if key == "loss" else ""
                panels.setdefault(title + of_loss, {})[label] = some.measured[key]
    figures = [Figure("distributions", distributions(panels, [*shown]), BOXES)]
    dimensions = {label: some.dimensions for label, some in shown.items() if some.dimensions is not None}
    if dimensions:
        title = "Each latent dimension"
        xlabel = {title: "spread: standard deviation of the codes"}
        ylabel = "radius of the posterior"
        picture = points_by_kind({title: dimensions}, xlabel, ylabel, [*shown])
        figures.append(Figure("spread_radius", picture, USED))
    about = (
        f"Of {len(reference.scattered):,} test images in one run of each group. Losses compare within a "
        "panel. The distance is in the unit of the code, which is arbitrary for an autoencoder."
    )
    return Section("distributions", "Distributions", about, figures)


USED = (
    "One point per latent dimension of a VAE. A dimension that is used has a large spread and a small "
    "radius. One that has collapsed to the prior is at spread 0 and radius 1."
)


def by_group(name: str, pictures: Mapping[str, Picture | list[Picture] | None]) -> list[Figure]:
    """A figure for each group that has this picture, with its label as the caption."""
    return [
        Figure(f"{name}_{number}", picture, label)
        for number, (label, picture) in enumerate(pictures.items(), start=1)
        if picture is not None
    ]


# in the order of the page
SECTIONS: tuple[Callable[[Shown, Reference], Section], ...] = (
    reconstructions,
    interpolations,
    samples,
    medians,
    planes,
    codes,
    maps,
    distributions_by_group,
)
