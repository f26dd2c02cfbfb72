"""Pictures from tensors, as uint8 arrays (height, width, 3). No files, no model, no callback."""

from jlml.plots.canvas import Picture
from jlml.plots.manifold import manifold
from jlml.plots.mosaic import mosaic
from jlml.plots.posterior import posterior
from jlml.plots.scatter import Plane, plane_of, scatter

__all__ = ["Picture", "Plane", "manifold", "mosaic", "plane_of", "posterior", "scatter"]
