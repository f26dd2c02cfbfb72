"""Regions of a latent plane, and the decoded images of a grid of codes in it."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from jlml.shapes import Codes, Images

REGION = (0.005, 0.995)  # quantiles of the codes along an axis
SMALLEST = 1e-3  # smallest width of a region, for codes that are all equal
EDGE, MARGIN = 0.003, 0.08  # axes of a scatter: quantile at their ends, and margin as a fraction of the width

Ticks = Float[Tensor, " ticks"]


def region_of(points: Float[Tensor, "codes 2"], side: int) -> tuple[Ticks, Ticks]:
    """``side`` equidistant values along each axis, over the region of the points."""
    low, high = points.float().quantile(torch.tensor(REGION, device=points.device), dim=0)
    high = torch.maximum(high, low + SMALLEST)
    x, y = (torch.linspace(float(a), float(b), side) for a, b in zip(low, high, strict=True))
    return x, y


def limits_of(points: Float[Tensor, "points 2"]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of axes that contain all points except a few outliers, with a margin."""
    low, high = points.quantile(torch.tensor([EDGE, 1 - EDGE]), dim=0)
    margin = (high - low).clamp_min(1e-6) * MARGIN
    (x_low, y_low), (x_high, y_high) = (low - margin).tolist(), (high + margin).tolist()
    return (x_low, x_high), (y_low, y_high)


def decoded_grid(
    decode: Callable[[Codes], Images],
    x: Float[Tensor, " columns"],
    y: Float[Tensor, " rows"],
    origin: Float[Tensor, " latent"],
    directions: Float[Tensor, "2 latent"],
) -> Float[Tensor, "rows columns channels height width"]:
    """The decoded images at origin + x u + y v.

    Args:
        decode: returns the image of each code.
        x: coordinates along the first direction.
        y: coordinates along the second direction.
        origin: code at (0, 0).
        directions: the vectors u and v.
    """
    second, first = torch.meshgrid(y.to(origin.device), x.to(origin.device), indexing="ij")
    codes = origin + first.reshape(-1, 1) * directions[0] + second.reshape(-1, 1) * directions[1]
    return decode(codes).unflatten(0, (len(y), len(x)))
