"""When to draw and where to log."""

from jlml.callbacks.checkpoints import BestCheckpoint, LastCheckpoint, Patience, WholeCheckpoints
from jlml.callbacks.drawing import Drawing, Gallery
from jlml.callbacks.latent import LatentScatter, Posterior, Projector, Snapshots
from jlml.callbacks.pictures import Interpolations, Manifold, Reconstructions, Samples
from jlml.callbacks.progress import Heartbeat, ProgressBar, Throughput
from jlml.callbacks.tensorboard import TensorBoard, errors_once

__all__ = [
    "BestCheckpoint",
    "Drawing",
    "Gallery",
    "Heartbeat",
    "Interpolations",
    "LastCheckpoint",
    "LatentScatter",
    "Manifold",
    "Patience",
    "Posterior",
    "ProgressBar",
    "Projector",
    "Reconstructions",
    "Samples",
    "Snapshots",
    "TensorBoard",
    "Throughput",
    "WholeCheckpoints",
    "errors_once",
]
