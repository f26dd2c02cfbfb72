"""Pictures and records of the codes: scatter, posterior, TensorBoard's projector, and snapshots."""

from io import BytesIO
from math import ceil, log2
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jlml.files import write_atomically
from jlml.metrics import named
from jlml.metrics.codes import active_units
from jlml.metrics.kl import kl_to_standard_normal
from jlml.pictures.drawing import Drawing, DrawingContext, Every
from jlml.pictures.figures import Plane, plane_of, posterior, scatter


class LatentScatter(Drawing):
    """Scatter plot of validation codes, coloured by class; by PCA if they have more than two dimensions.

    The axes start at +-5, enough for the prior N(0, I), and double when 1 % of the codes is outside. So most
    pictures share their axes, and TensorBoard's slider shows how codes move.
    """

    needs = "draw"
    START = 5.0
    OUTSIDE = 0.01

    def __init__(self, every: Every = "auto", images: int = 5000) -> None:
        super().__init__(every)
        self.images = images
        self._half_width = self.START
        self._previous: Tensor | None = None

    def draw(self, context: DrawingContext) -> None:
        labels = context.labels(self.images)
        plane = self._oriented(plane_of(context.codes(self.images)))
        reach = float(plane.points.abs().amax(1).quantile(1 - self.OUTSIDE))
        if reach > self._half_width:
            self._half_width = self.START * 2 ** ceil(log2(reach / self.START))
        width = (-self._half_width, self._half_width)
        limits = (width, (-0.02, 1.02) if context.model.latent_dim == 1 else width)
        title = f"Codes of {len(labels):,} validation images {context.when}"
        picture = scatter(plane, labels, context.class_names, limits, title)
        context.show("latent_scatter", picture)

    def _oriented(self, plane: Plane) -> Plane:
        """Flips principal components to match the previous picture, because their signs are arbitrary."""
        if plane.axes != ("z1", "z2") and self._previous is not None:
            signs = torch.sign((plane.points * self._previous).sum(0))
            plane = Plane(plane.points * torch.where(signs == 0, 1, signs), plane.axes)
        self._previous = plane.points
        return plane


class Posterior(Drawing):
    """Active units, and per latent dimension the KL and the standard deviation: shows posterior collapse.

    An AE has no posterior: only the standard deviation of its codes is drawn.
    """

    def __init__(self, every: Every = "auto", images: int = 5000) -> None:
        super().__init__(every)
        self.images = images

    def draw(self, context: DrawingContext) -> None:
        codes, log_variance = context.posterior(self.images)
        kl, posterior_std = None, None
        if log_variance is not None:
            kl = kl_to_standard_normal(codes, log_variance).mean(0)
            posterior_std = log_variance.exp().mean(0).sqrt()
        spread = codes.std(0, correction=0)
        active = active_units(codes, relative=kl is None)
        title = f"{active} of {context.model.latent_dim} dimensions active {context.when}"
        for logger in context.trainer.loggers:
            scalars = {"active_units": float(active), "code_std": float(spread.mean())}
            logger.log_metrics(named("val", scalars), context.step)
        if context.loggers("draw"):
            tag = "code_spread" if kl is None else "posterior"  # an AE has no posterior
            context.show(tag, posterior(spread, title, kl, posterior_std))


class Projector(Drawing):
    """Codes of validation images for TensorBoard's projector, with their images and classes."""

    needs = "project"

    def __init__(self, every: Every = None, images: int = 2000) -> None:
        super().__init__(every)
        self.images = images

    def draw(self, context: DrawingContext) -> None:
        images, labels = context.images(self.images)
        names = [context.class_names[number] if number >= 0 else "no class" for number in labels]
        for logger in context.loggers("project"):
            logger.project(context.codes(self.images).cpu(), images.cpu(), names, context.step)


class Snapshots(Drawing):
    """Saves codes of validation images as `snapshots/step_<N>.npy`, and their labels as `labels.npy`.

    In half precision: 500 codes of two dimensions take 2 kB.
    """

    def __init__(self, every: Every = 1, images: int = 500) -> None:
        super().__init__(every)
        self.images = images

    def draw(self, context: DrawingContext) -> None:
        folder = Path(context.trainer.default_root_dir) / "snapshots"
        folder.mkdir(exist_ok=True)
        if not (folder / "labels.npy").exists():
            write_atomically(
                folder / "labels.npy", as_npy(context.labels(self.images).numpy().astype(np.int32))
            )
        codes = context.codes(self.images).half().cpu().numpy()
        write_atomically(folder / f"step_{context.step:08d}.npy", as_npy(codes))


def as_npy(values: np.ndarray) -> bytes:
    """The content of a .npy file."""
    content = BytesIO()
    np.save(content, values)
    return content.getvalue()
