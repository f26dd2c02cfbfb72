"""A picture of your own: how far codes lie from the origin, as a histogram in TensorBoard.

    python train.py +callbacks.distances._target_=examples.distances.Distances

A drawing gets the model at one step. It is called at epoch 0, at its interval and at the end, without
gradients, and its random numbers do not change the training.
"""

from math import sqrt

from matplotlib.figure import Figure

from jlml.pictures.drawing import Drawing, DrawingContext, Every
from jlml.pictures.figures.canvas import rendered


class Distances(Drawing):
    """The distances of validation codes from the origin, beside the sqrt(d) around which N(0, I) has most.

    Args:
        every: see `Drawing`.
        images: number of validation images.
    """

    needs = "draw"

    def __init__(self, every: Every = "auto", images: int = 2000) -> None:
        super().__init__(every)
        self.images = images

    def draw(self, context: DrawingContext) -> None:
        distances = context.codes(self.images).norm(dim=1).cpu().numpy()
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.hist(distances, bins=50)
        axes.axvline(sqrt(context.model.latent_dim), color="black", label="sqrt(d), as in the prior")
        axes.set(xlabel="distance of a code from the origin", ylabel="images", title=f"Codes {context.when}")
        axes.legend()
        context.show("distances", rendered(figure))
