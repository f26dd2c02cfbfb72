"""Figures, the pictures drawn during training, and the TensorBoard logger."""

from jlml.pictures.decoded import Interpolations, Manifold, Reconstructions, Samples
from jlml.pictures.drawing import Drawing, PictureCallback
from jlml.pictures.latent import LatentScatter, Posterior, Projector, Snapshots
from jlml.pictures.tensorboard import TensorBoard, errors_once

__all__ = [
    "Drawing",
    "Interpolations",
    "LatentScatter",
    "Manifold",
    "PictureCallback",
    "Posterior",
    "Projector",
    "Reconstructions",
    "Samples",
    "Snapshots",
    "TensorBoard",
    "errors_once",
]
