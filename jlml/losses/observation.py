"""Observation models p(x | z): the pixel distributions that a decoder's logits define."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import isfinite, log, pi
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jlml.errors import UserError
from jlml.losses import continuous_bernoulli as cb
from jlml.losses.continuous_bernoulli import at_least_float32
from jlml.shapes import Images, PerImage


class ObservationModel(nn.Module, ABC):
    """A distribution of every pixel given its logit. Pixels are independent given the code.

    To add a loss, derive from this class and define `nll` and `mean`. Its parameters, if it has any, are
    trained with the model.
    """

    description = ""  # a phrase for reports; if empty, they print the class name
    shown = "mean"  # the entry of `pictures` that is `picture`

    @abstractmethod
    def nll(self, logits: Images, images: Images) -> PerImage:
        """Negative log likelihood in nats, summed over pixels: one number per image."""

    @abstractmethod
    def mean(self, logits: Images) -> Images:
        """The expected image."""

    def pictures(self, logits: Images) -> dict[str, Images]:
        """Every way to show the distribution as an image, by name. The mean comes first."""
        return {"mean": self.mean(logits)}

    def picture(self, logits: Images) -> Images:
        """The picture to use where only one is shown."""
        return self.pictures(logits)[self.shown]


class Gaussian(ObservationModel):
    """Normal pixels with one fixed scale: the squared error in nats, with its constant. Config: `loss=mse`.

    For one pixel, -log p(x) = (x - mean)^2 / (2 scale^2) + log(scale) + log(2 pi) / 2.

    Args:
        scale: standard deviation of a pixel, in units of the [0, 1] range. A smaller scale weighs
            a VAE's reconstruction more against its KL. The likelihood is highest at scale^2 = mse per pixel.
        link: function from logits to means: `identity`, or `sigmoid` to keep the mean in [0, 1].
    """

    description = "Gaussian pixels"
    LINKS: ClassVar[dict[str, Callable[[Tensor], Tensor]]] = {
        "identity": lambda logits: logits,
        "sigmoid": torch.sigmoid,
    }

    def __init__(self, scale: float = 0.2, link: str = "sigmoid") -> None:
        super().__init__()
        if not (scale > 0 and isfinite(scale)):
            raise UserError(f"loss.scale={scale} is invalid: expected a finite number > 0.")
        if link not in self.LINKS:
            raise UserError(f"loss.link={link} is invalid: expected one of: {', '.join(self.LINKS)}.")
        self.scale = scale
        self.link = self.LINKS[link]

    def mean(self, logits: Images) -> Images:
        return self.link(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        squared_error = (images - self.mean(logits)).square().sum((1, 2, 3))
        constant = images.shape[1:].numel() * (log(self.scale) + log(2 * pi) / 2)
        return squared_error / (2 * self.scale**2) + constant


class Bernoulli(ObservationModel):
    """Pixels that are 1 with probability sigmoid(logit), otherwise 0: the cross-entropy. Config: `loss=bce`.

    For grey targets this is not a likelihood, because a Bernoulli has only the values 0 and 1. A perfect
    reconstruction of them does not score 0: the minimum is the entropy of the targets.
    """

    description = "Bernoulli pixels"

    def mean(self, logits: Images) -> Images:
        return torch.sigmoid(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        logits = at_least_float32(logits)
        return F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum((1, 2, 3))


class ContinuousBernoulli(ObservationModel):
    """A density over [0, 1] with the form of a Bernoulli: p(x) = C(lambda) lambda^x (1 - lambda)^(1 - x).

    lambda = sigmoid(logit) is not the mean: lambda .01 has mean .207. p is a density, so a good model has a
    negative nll. For pixels that are exactly 0 or 1 the nll has no lower bound without ``limit``.
    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli".

    Args:
        limit: keeps lambda in [limit, 1 - limit]; 0 for no limit. The original paper uses 1e-4.
    """

    description = "continuous Bernoulli pixels"
    shown = "lambda"  # the mean of a black pixel is grey

    def __init__(self, limit: float = 1e-4) -> None:
        super().__init__()
        if not 0 <= limit < 0.5:
            raise UserError(f"loss.limit={limit} is invalid: expected a number >= 0 and < 0.5.")
        self.limit = limit
        self.max_logit = log((1 - limit) / limit) if limit else None

    def lambda_(self, logits: Images) -> Images:
        return torch.sigmoid(self._limited(logits))

    def mean(self, logits: Images) -> Images:
        return cb.mean(self._limited(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        return -cb.log_prob(self._limited(logits), images).sum((1, 2, 3))

    def pictures(self, logits: Images) -> dict[str, Images]:
        return {"mean": self.mean(logits), "lambda": self.lambda_(logits)}

    def _limited(self, logits: Images) -> Images:
        logits = at_least_float32(logits)
        return logits if self.max_logit is None else logits.clamp(-self.max_logit, self.max_logit)
