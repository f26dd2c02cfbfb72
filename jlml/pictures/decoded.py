"""Pictures of what the model makes: reconstructions, interpolations, samples, the decoded plane."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jlml.pictures.drawing import Drawing, DrawingContext
from jlml.pictures.figures import manifold, mosaic

POOL = 1000  # validation images to choose from


class Reconstructions(Drawing):
    """Originals over their reconstructions, some of every class.

    Shows every picture that the observation model has: the mean, and for the continuous Bernoulli lambda.
    A VAE's images are decoded from the posterior mean.
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
    """Straight lines from an image of one class to one of another: between codes, and between pixels."""

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
                continue  # a small subset may lack a class
            decoded = context.model.decode(line(codes[start], codes[end], self.steps))
            rows.append((f"{names[first]} to {names[second]}: codes", decoded))
            rows.append(("pixels", line(images[start], images[end], self.steps)))
        if not rows:
            return
        title = f"Straight lines between two codes, decoded, and between two images, {context.when}"
        picture = mosaic(rows, title)
        context.show("interpolations", picture)


class Samples(Drawing):
    """New images, from the same random numbers at every epoch."""

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
    """The decoded plane over the region that validation codes occupy; nothing where codes are not 2-D."""

    for_tensorboard = True
    REGION = (0.005, 0.995)  # quantiles of the codes along each axis

    def __init__(self, every: int | None = 5, side: int = 20) -> None:
        super().__init__(every)
        self.side = side

    def draw(self, context: DrawingContext) -> None:
        model = context.model
        if model.latent_dim != 2:
            return
        codes = context.codes(POOL)
        low, high = codes.float().quantile(torch.tensor(self.REGION, device=codes.device), dim=0)
        high = torch.maximum(high, low + 1e-3)  # codes may all be one
        ticks = [torch.linspace(float(a), float(b), self.side) for a, b in zip(low, high, strict=True)]
        z2, z1 = torch.meshgrid(ticks[1], ticks[0], indexing="ij")
        plane = torch.stack([z1, z2], -1).reshape(-1, 2).to(codes.device)
        decoded = model.decode(plane).reshape(self.side, self.side, *model.image_shape[1:])
        picture = manifold(
            decoded,
            (float(low[0]), float(high[0])),
            (float(low[1]), float(high[1])),
            f"Decoded plane {context.when}",
        )
        context.show("manifold", picture)


def first_of_each_class(labels: Tensor, count: int) -> Tensor:
    """Indices of the first ``count`` images of every class, class by class."""
    return torch.cat([(labels == number).nonzero()[:count, 0] for number in labels.unique()])


def line(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """So many equidistant points from (1, ...) to (1, ...), both ends included: (steps, ...)."""
    weights = torch.linspace(0, 1, steps, device=start.device).reshape(-1, *[1] * (start.dim() - 1))
    return torch.lerp(start, end, weights)
