"""Pictures of a run as matplotlib figures, for notebooks. They are those of reports, with a choice of images.

Every function takes a run or its folder, and returns a `matplotlib.figure.Figure`, which a notebook shows
and ``figure.savefig("name.pdf")`` writes. ``trust=True`` accepts a run that names classes outside jlml.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jlml.errors import UserError
from jlml.evaluation.images import subject_of
from jlml.evaluation.parts.pictures import reconstructed, scattered
from jlml.evaluation.planes import drawn, plane_along
from jlml.evaluation.samplers import SAMPLERS, draw_codes
from jlml.evaluation.subject import Subject
from jlml.pictures.decoded import first_of_each_class, line, name_of
from jlml.pictures.drawing import reading_of
from jlml.pictures.figures import COLUMNS, Picture, figures_kept, mosaic
from jlml.pictures.plane import region_of
from jlml.runs import Run

Which = Run | Path | str


def reconstructions(run: Which, images: Sequence[int] | None = None, trust: bool = False) -> Figure:
    """Test images above their reconstructions, in every kind of picture of the loss.

    Args:
        run: a run or its folder.
        images: indices of test images; None for the first of each class.
    """
    subject = subject_of(run, trust=trust)
    return figure(lambda: reconstructed(subject, chosen_images(subject, images))[0])


def latent_scatter(run: Which, trust: bool = False) -> Figure:
    """The codes of the test images, coloured by class; of more than two dimensions their first two
    principal components."""
    subject = subject_of(run, trust=trust)
    return figure(lambda: scattered(subject))


def decoded_plane(
    run: Which,
    axes: Sequence[int] | None = None,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    side: int = COLUMNS,
    trust: bool = False,
) -> Figure:
    """Decoded images on a grid of two latent dimensions; the others stay at their mean.

    Args:
        run: a run or its folder.
        axes: two dimensions, counted from 1; None for the two in which codes vary most.
        x: range of the first; None for the region of the test codes.
        y: range of the second.
        side: images along each axis.

    Raises:
        UserError: the run has no such dimensions.
    """
    subject = subject_of(run, trust=trust)
    plane = plane_along(subject, axes)
    columns, rows = region_of((subject.test_codes - plane.origin) @ plane.directions.T, side)
    columns = columns if x is None else torch.linspace(*x, side)
    rows = rows if y is None else torch.linspace(*y, side)
    return figure(lambda: drawn(subject, plane, columns, rows))


def interpolation(run: Which, start: int, end: int, steps: int = COLUMNS - 1, trust: bool = False) -> Figure:
    """The straight line between the codes of two test images, decoded, above a blend of their pixels.

    Args:
        run: a run or its folder.
        start: index of the first test image.
        end: index of the last one.
        steps: number of pictures.
    """
    subject = subject_of(run, trust=trust)
    ends = chosen_images(subject, [start, end])
    names = [name_of(int(image), subject.data.test_labels, subject.data.class_names) for image in ends]
    codes, pixels = subject.test_codes[ends], subject.test_images[ends]
    rows = [
        ("decoded", subject.shown(line(codes[:1], codes[1:], steps))),
        ("pixels", line(pixels[:1], pixels[1:], steps)),
    ]
    return figure(lambda: mosaic(rows, f"From {names[0]} to {names[1]}{reading_of(subject.model.loss)}"))


def traversal(
    run: Which,
    image: int = 0,
    dimensions: Sequence[int] | None = None,
    reach: float = 3.0,
    trust: bool = False,
) -> Figure:
    """A test image whose code moves along one latent dimension per row, decoded.

    Args:
        run: a run or its folder.
        image: index of the test image.
        dimensions: dimensions, counted from 1; None for the (at most) eight in which codes vary most.
        reach: how far to either side, in standard deviations of the codes.

    Raises:
        UserError: there is no such image or dimension.
    """
    subject = subject_of(run, trust=trust)
    code = subject.test_codes[chosen_images(subject, [image])]
    spread = subject.test_codes.std(0, correction=0)
    if dimensions is None:
        dimensions = [int(each) + 1 for each in spread.argsort(descending=True)[:8].sort().values]
    steps = torch.linspace(-reach, reach, COLUMNS - 1)
    rows = []
    for number in dimensions:
        if not 1 <= number <= subject.model.latent_dim:
            raise UserError(f"There is no dimension {number}: expected 1 to {subject.model.latent_dim}.")
        moved = code.repeat(len(steps), 1)
        moved[:, number - 1] += steps * spread[number - 1]
        rows.append((f"z{number}", subject.shown(moved)))
    title = f"Along single dimensions, {reach:g} standard deviations to either side"
    return figure(lambda: mosaic(rows, title))


def samples(run: Which, sampler: str = "prior", count: int = 5 * COLUMNS, trust: bool = False) -> Figure:
    """New images.

    Args:
        run: a run or its folder.
        sampler: `prior`, `gaussian`, `mixture` or `midpoints`.
        count: number of images.

    Raises:
        UserError: there is no such sampler for these codes.
    """
    subject = subject_of(run, trust=trust)
    drawn = draw_codes(subject, count)
    if sampler not in drawn:
        raise UserError(f"There is no sampler {sampler}: expected one of {', '.join(drawn)}.")
    rows = [("", row) for row in subject.shown(drawn[sampler]).split(COLUMNS)]
    return figure(lambda: mosaic(rows, f"New images: {SAMPLERS[sampler]}{reading_of(subject.model.loss)}"))


def chosen_images(subject: Subject, images: Sequence[int] | None) -> torch.Tensor:
    """Indices of test images.

    Raises:
        UserError: there is no such image.
    """
    if images is None:
        return first_of_each_class(subject.data.test_labels, 1)
    count = len(subject.data.test_labels)
    for image in images:
        if not 0 <= image < count:
            raise UserError(f"There is no test image {image}: expected 0 to {count - 1}.")
    return torch.tensor(list(images))


def figure(draw: Callable[[], Picture]) -> Figure:
    """The figure that a function draws."""
    with figures_kept() as kept:
        drawn = kept.figure_of(draw())
    FigureCanvasAgg(drawn)
    return drawn
