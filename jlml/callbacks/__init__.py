"""When to draw and where to log."""

from jlml.callbacks.drawing import Drawing, Gallery
from jlml.callbacks.latent import LatentScatter, Posterior, Projector, Snapshots
from jlml.callbacks.pictures import Interpolations, Manifold, Reconstructions, Samples
from jlml.callbacks.progress import ProgressBar, Throughput
from jlml.callbacks.tensorboard import TensorBoard

__all__ = [
    "Drawing",
    "Gallery",
    "Interpolations",
    "LatentScatter",
    "Manifold",
    "Posterior",
    "ProgressBar",
    "Projector",
    "Reconstructions",
    "Samples",
    "Snapshots",
    "TensorBoard",
    "Throughput",
]
