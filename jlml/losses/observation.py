"""Observation models p(x | z): what logits say about pixels, and what it costs to be wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import isfinite, log, pi
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from jlml.errors import UserError
from jlml.losses import continuous_bernoulli as cb
from jlml.losses.continuous_bernoulli import at_least_float32

Images = Float[Tensor, "batch channel height width"]
PerImage = Float[Tensor, " batch"]


class ObservationModel(ABC):
    """A distribution of every pixel given its logit; pixels are independent given the code.

    A loss of your own derives from this class and says two things: `nll` and `mean`.
    """

    @abstractmethod
    def nll(self, logits: Images, images: Images) -> PerImage:
        """Negative log likelihood in nats, summed over pixels: one number an image."""

    @abstractmethod
    def mean(self, logits: Images) -> Images:
        """The expected image: the picture to show, and what the yardsticks judge."""

    def pictures(self, logits: Images) -> dict[str, Images]:
        """Every way to show the distribution as a picture, by name; the mean comes first."""
        return {"mean": self.mean(logits)}


class Gaussian(ObservationModel):
    """Normal pixels of one fixed scale: squared error, with its constant, in nats.

    -log p(x) = (x - mean)^2 / (2 scale^2) + log(scale) + log(2 pi) / 2

    Args:
        scale: standard deviation of a pixel, in units of the [0, 1] range. It sets how much a VAE's
            reconstruction weighs against its KL. The likelihood is highest where scale^2 is the mse.
        link: `identity`, or `sigmoid` to keep the mean inside [0, 1].
    """

    LINKS: ClassVar[dict[str, Callable[[Tensor], Tensor]]] = {
        "identity": torch.nn.Identity(),
        "sigmoid": torch.sigmoid,
    }

    def __init__(self, scale: float = 0.2, link: str = "sigmoid") -> None:
        if not (scale > 0 and isfinite(scale)):
            raise UserError(f"loss.scale={scale} is not a standard deviation. Use a finite number above 0.")
        if link not in self.LINKS:
            raise UserError(f"loss.link={link} is not a link. Choose one of: {', '.join(self.LINKS)}.")
        self.scale = scale
        self.link = self.LINKS[link]

    def mean(self, logits: Images) -> Images:
        return self.link(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        squared_error = (images - self.mean(logits)).square().sum((1, 2, 3))
        constant = images.shape[1:].numel() * (log(self.scale) + log(2 * pi) / 2)
        return squared_error / (2 * self.scale**2) + constant


class _CrossEntropy(torch.autograd.Function):
    """softplus(logit) - logit x of each pixel; its gradient in the logit is sigmoid(logit) - x.

    The gradient is that of `F.binary_cross_entropy_with_logits` bit for bit. The value takes two passes over
    memory instead of four, and is the more accurate one for dark pixels.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(logits, x)
        return F.softplus(logits).addcmul_(logits, x, value=-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        logits, x = ctx.saved_tensors
        mean = torch.sigmoid(logits)
        to_x = -gradient * logits if ctx.needs_input_grad[1] else None
        if torch.is_grad_enabled():  # a second derivative is wanted: nothing in place
            return gradient * (mean - x), to_x
        return mean.sub_(x).mul_(gradient), to_x


class Bernoulli(ObservationModel):
    """Pixels that are 0 or 1 with probability sigmoid(logit): the cross-entropy.

    With grey targets it is not the likelihood of any distribution of grey pixels, and a perfect
    reconstruction does not score 0: the floor is the entropy of the targets.
    """

    def mean(self, logits: Images) -> Images:
        return torch.sigmoid(at_least_float32(logits))

    def nll(self, logits: Images, images: Images) -> PerImage:
        return _CrossEntropy.apply(at_least_float32(logits), images).sum((1, 2, 3))


class ContinuousBernoulli(ObservationModel):
    """A density over [0, 1] of Bernoulli form, normalised: p(x) = C(lambda) lambda^x (1 - lambda)^(1 - x).

    lambda = sigmoid(logit) is not the mean: lambda .01 has mean .207. It is a density, so a good model's
    nll is negative, and on pixels that are exactly 0 it has no bound: ``limit`` sets the best score.
    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli".

    Args:
        limit: lambda stays in [limit, 1 - limit]; 0 for no limit. The original work clips at 1e-4.
    """

    def __init__(self, limit: float = 1e-4) -> None:
        if not 0 <= limit < 0.5:
            raise UserError(f"loss.limit={limit} is not a limit on lambda. Use a number from 0 to below 0.5.")
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
