"""Pictures of decoded images: reconstructions, interpolations, samples and the decoded plane."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jlml.pictures.drawing import Drawing, DrawingContext
from jlml.pictures.figures import manifold, mosaic
from jlml.pictures.plane import decoded_grid, region_of

POOL = 1000  # number of validation images to choose from


class Reconstructions(Drawing):
    """Originals above their reconstructions, a few per class.

    Shows every picture of the observation model: the mean, and lambda for the continuous Bernoulli. For a
    VAE, the code is the posterior mean.
    """

    for_tensorboard = True

    def __init__(self, every: int | None = 5, per_class: int = 2) -> None:
        super().__init__(every)
        self.per_class = per_class

    def draw(self, context: DrawingContext) -> None:
        images, labels = context.images(POOL)
        chosen = first_of_each_class(labels, self.per_class)
        shown = context.model.loss.pictures(context.model.decoder(context.codes(POOL)[chosen]))
        picture = mosaic([("original", images[chosen]), *shown.items()], f"Validation images {context.when}")
        context.show("reconstructions", picture)


class Interpolations(Drawing):
    """Linear interpolations between images of two classes, in code space and in pixel space."""

    for_tensorboard = True

    def __init__(
        self,
        every: int | None = 5,
        pairs: Sequence[Sequence[int]] = ((4, 9), (3, 8), (1, 7), (0, 6), (2, 5)),
        steps: int = 11,
    ) -> None:
        super().__init__(every)
        self.pairs = pairs
        self.steps = steps

    def draw(self, context: DrawingContext) -> None:
        images, labels = context.images(POOL)
        codes, names = context.codes(POOL), context.class_names
        rows: list[tuple[str, Tensor]] = []
        for first, second in self.pairs:
            start, end = ((labels == number).nonzero()[:1, 0] for number in (first, second))
            if not len(start) or not len(end):
                continue  # a small subset can lack a class
            decoded = context.model.decode(line(codes[start], codes[end], self.steps))
            rows.append((f"{names[first]} to {names[second]}: codes", decoded))
            rows.append(("pixels", line(images[start], images[end], self.steps)))
        if not rows:
            return
        title = f"Straight lines between two codes, decoded, and between two images, {context.when}"
        picture = mosaic(rows, title)
        context.show("interpolations", picture)


class Samples(Drawing):
    """New images, sampled with the same random numbers at every epoch."""

    for_tensorboard = True

    def __init__(self, every: int | None = 5, rows: int = 6, columns: int = 12) -> None:
        super().__init__(every)
        self.rows = rows
        self.columns = columns

    def draw(self, context: DrawingContext) -> None:
        samples = context.model.sample(self.rows * self.columns).split(self.columns)
        title = f"Decoded draws from {context.model.sampled_from} {context.when}"
        picture = mosaic([("", row) for row in samples], title)
        context.show("samples", picture)


class Manifold(Drawing):
    """Decoded images on a grid over the region of the validation codes. Draws only 2-D latent spaces."""

    for_tensorboard = True

    def __init__(self, every: int | None = 5, side: int = 20) -> None:
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
            decoded_grid(model.decode, x, y, origin, axes),
            (float(x[0]), float(x[-1])),
            (float(y[0]), float(y[-1])),
            f"Decoded plane {context.when}",
        )
        context.show("manifold", picture)


def first_of_each_class(labels: Tensor, count: int) -> Tensor:
    """Indices of the first ``count`` images of every class, class by class."""
    return torch.cat([(labels == number).nonzero()[:count, 0] for number in labels.unique()])


def line(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Equidistant points from ``start`` to ``end``, both (1, ...) and both included: (steps, ...)."""
    weights = torch.linspace(0, 1, steps, device=start.device).reshape(-1, *[1] * (start.dim() - 1))
    return torch.lerp(start, end, weights)
