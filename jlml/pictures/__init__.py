"""Figures, and the pictures drawn during training."""

from jlml.pictures.decoded import Interpolations, Manifold, Reconstructions, Samples
from jlml.pictures.drawing import Drawing, PictureCallback, PictureLogger
from jlml.pictures.latent import LatentScatter, Posterior, Projector, Snapshots

__all__ = [
    "Drawing",
    "Interpolations",
    "LatentScatter",
    "Manifold",
    "PictureCallback",
    "PictureLogger",
    "Posterior",
    "Projector",
    "Reconstructions",
    "Samples",
    "Snapshots",
]
