"""Functions that draw tensors as uint8 arrays (height, width, 3), independent of models and callbacks."""

from jlml.pictures.figures.canvas import KeptFigures, Picture, as_png, figures_kept, kept_figures
from jlml.pictures.figures.charts import (
    aggregate_histograms,
    bars,
    bound_curve,
    distributions,
    loss_curves,
    points_by_kind,
    shaded_table,
    strip,
    training_curve,
)
from jlml.pictures.figures.factors import Line, Ticks, factor_lines
from jlml.pictures.figures.manifold import manifold
from jlml.pictures.figures.mosaic import mosaic
from jlml.pictures.figures.posterior import posterior
from jlml.pictures.figures.scatter import Plane, plane_of, scatter, scatters
from jlml.pictures.figures.style import COLUMNS

__all__ = [
    "COLUMNS",
    "KeptFigures",
    "Line",
    "Picture",
    "Plane",
    "Ticks",
    "aggregate_histograms",
    "as_png",
    "bars",
    "bound_curve",
    "distributions",
    "factor_lines",
    "figures_kept",
    "kept_figures",
    "loss_curves",
    "manifold",
    "mosaic",
    "plane_of",
    "points_by_kind",
    "posterior",
    "scatter",
    "scatters",
    "shaded_table",
    "strip",
    "training_curve",
]
