"""Pictures from tensors, as uint8 arrays (height, width, 3). No files, no model, no callback."""

from jlml.plots.canvas import Picture
from jlml.plots.charts import (
    aggregate_histograms,
    bars,
    bound_curve,
    class_shares,
    loss_curves,
    rate_distortion,
    strips,
)
from jlml.plots.manifold import manifold
from jlml.plots.mosaic import mosaic
from jlml.plots.posterior import posterior
from jlml.plots.scatter import Plane, plane_of, scatter, scatters

__all__ = [
    "Picture",
    "Plane",
    "aggregate_histograms",
    "bars",
    "bound_curve",
    "class_shares",
    "loss_curves",
    "manifold",
    "mosaic",
    "plane_of",
    "posterior",
    "rate_distortion",
    "scatter",
    "scatters",
    "strips",
]
