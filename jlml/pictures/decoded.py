"""Pictures of decoded images: reconstructions, interpolations, samples and the decoded plane."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from jlml.data.split import classes_in
from jlml.losses import ObservationModel
from jlml.pictures.drawing import Drawing, DrawingContext, Every
from jlml.pictures.figures import COLUMNS, manifold, mosaic
from jlml.pictures.figures.mosaic import Row
from jlml.pictures.plane import decoded_grid, region_of
from jlml.shapes import Images

POOL = 1000  # number of validation images to choose from


class Reconstructions(Drawing):
    """Originals above their reconstructions, a few per class.

    Shows every picture of the observation model: the mean, and lambda for the continuous Bernoulli. For a
    VAE, the code is the posterior mean.
    """

    needs = "draw"

    def __init__(self, every: Every = "auto", per_class: int = 2) -> None:
        super().__init__(every)
        self.per_class = per_class

    def draw(self, context: DrawingContext) -> None:
        images, labels = context.images(POOL)
        chosen = first_of_each_class(labels, self.per_class)
        loss = context.model.loss
        kinds = loss.pictures(context.model.decoder(context.codes(POOL)[chosen]))
        rows = in_rows({"original": images[chosen], **shown_first(kinds, loss)})
        context.show("reconstructions", mosaic(rows, f"Validation images {context.when}"))


class Interpolations(Drawing):
    """Linear interpolations between images of two classes, in code space and in pixel space.

    If the data have none of these pairs of classes, between their first images.
    """

    needs = "draw"

    def __init__(
        self,
        every: Every = "auto",
        pairs: Sequence[Sequence[int]] = ((4, 9), (3, 8), (1, 7), (0, 6), (2, 5)),
        steps: int = 9,
    ) -> None:
        super().__init__(every)
        self.pairs = pairs
        self.steps = steps

    def draw(self, context: DrawingContext) -> None:
        images, labels = context.images(POOL)
        codes, names = context.codes(POOL), context.class_names
        rows: list[tuple[str, Tensor]] = []
        for ends in pairs_of_images(labels, self.pairs):
            start, end = (slice(place, place + 1) for place in ends)
            decoded = context.shown(line(codes[start], codes[end], self.steps))
            rows.append((" to ".join(name_of(place, labels, names) for place in ends), decoded))
            rows.append(("pixels", line(images[start], images[end], self.steps)))
        if not rows:
            return
        title = f"Between two codes, decoded{context.reading}, and between their pixels, {context.when}"
        context.show("interpolations", mosaic(rows, title))


class Samples(Drawing):
    """New images, sampled with the same random numbers at every epoch."""

    needs = "draw"

    def __init__(self, every: Every = "auto", rows: int = 6, columns: int = COLUMNS) -> None:
        super().__init__(every)
        self.rows = rows
        self.columns = columns

    def draw(self, context: DrawingContext) -> None:
        samples = context.shown(context.model.sample_codes(self.rows * self.columns)).split(self.columns)
        title = f"Samples from {context.model.sampled_from}{context.reading} {context.when}"
        context.show("samples", mosaic([("", row) for row in samples], title))


class Manifold(Drawing):
    """Decoded images on a grid over the region of the validation codes. Draws only 2-D latent spaces."""

    needs = "draw"

    def __init__(self, every: Every = "auto", side: int = COLUMNS) -> None:
        super().__init__(every)
        self.side = side

    def draw(self, context: DrawingContext) -> None:
        model = context.model
        if model.latent_dim != 2:
            return
        codes = context.codes(POOL)
        x, y = region_of(codes, self.side)
        origin, axes = codes.new_zeros(2), torch.eye(2, dtype=codes.dtype, device=codes.device)
        picture = manifold(
            decoded_grid(context.shown, x, y, origin, axes),
            (float(x[0]), float(x[-1])),
            (float(y[0]), float(y[-1])),
            f"Decoded plane{context.reading} {context.when}",
        )
        context.show("manifold", picture)


def shown_first(kinds: Mapping[str, Images], loss: ObservationModel) -> dict[str, Images]:
    """Pictures by kind, first the one that stands for the loss."""
    return {loss.shown: kinds[loss.shown], **kinds}


def in_rows(kinds: Mapping[str, Images]) -> list[Row]:
    """The rows of a mosaic that shows the same images in several kinds, `COLUMNS` images at a time."""
    blocks = zip(*(images.split(COLUMNS) for images in kinds.values()), strict=True)
    return [row for block in blocks for row in zip(kinds, block, strict=True)]


def first_of_each_class(labels: Tensor, count: int) -> Tensor:
    """Indices of the first image of every class, then of the second of every class, up to ``count``.

    Of many classes, the first `COLUMNS`. Without classes, the first images.
    """
    classes = classes_in(labels)[:COLUMNS]
    if not classes:
        return torch.arange(min(count * COLUMNS, len(labels)), device=labels.device)
    of_class = [(labels == number).nonzero()[:count, 0] for number in classes]
    return torch.cat([some[turn : turn + 1] for turn in range(count) for some in of_class])


def pairs_of_images(labels: Tensor, pairs: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Indices of the first images of each pair of classes. If there is none, of images one after another."""
    first = first_of_each_class(labels, 1).tolist()
    of_class = {int(labels[place]): place for place in first if labels[place] >= 0}
    known = [(of_class[one], of_class[other]) for one, other in pairs if {one, other} <= of_class.keys()]
    return known or list(pairwise(first))[: len(pairs)]


def name_of(image: int, labels: Tensor, class_names: Sequence[str]) -> str:
    """The name of an image's class, or its number if it has none."""
    label = int(labels[image])
    return class_names[label] if label >= 0 else f"image {image}"


def line(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Equidistant points from ``start`` to ``end``, both (1, ...) and both included: (steps, ...)."""
    weights = torch.linspace(0, 1, steps, device=start.device).reshape(-1, *[1] * (start.dim() - 1))
    return torch.lerp(start, end, weights)
