"""Backgrounds of the explorer's map: how well the model does at each place of a plane of codes."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from jlml.evaluation.subject import Subject
from jlml.metrics.pca import PrincipalAxes
from jlml.pictures.plane import limits_of

SIDE = 48  # places along each axis
WIDTH = 1.5  # of the Gaussian that averages the images around a place, in cells
WIDEST = 512  # codes of more dimensions have no backgrounds: a plane says little about them


def backgrounds(
    subject: Subject, chosen: Tensor, axes: PrincipalAxes
) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """Each background with its values (rows, columns), the lowest row first.

    The plane is that of 2-D codes, otherwise that of the first two principal axes through the mean code.
    """
    dim = subject.model.latent_dim
    if dim < 2 or dim > WIDEST:
        return
    codes = subject.test_codes[chosen]
    origin, directions = (torch.zeros(2), torch.eye(2)) if dim == 2 else (axes.mean, axes.directions[:2])
    places = (codes - origin) @ directions.T
    (left, right), (bottom, top) = limits_of(places)
    x, y = torch.linspace(left, right, SIDE), torch.linspace(bottom, top, SIDE)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)  # row by row
    size = {"x": [left, right], "y": [bottom, top], "rows": SIDE, "columns": SIDE}

    errors = (subject.shown(codes) - subject.test_images[chosen]).square().mean((1, 2, 3))
    width = WIDTH * (right - left) / SIDE
    weights = torch.exp(-torch.cdist(grid, places).square() / (2 * width**2))
    mean_error = (weights @ errors) / weights.sum(1).clamp_min(1e-6)
    yield named("loss", "reconstruction error", mean_error, size), mean_error

    there = origin + grid @ directions
    back = subject.encode(subject.shown(there).clamp(0, 1))
    distance = (back - there).norm(dim=1)
    yield named("return", "distance after re-encoding", distance, size), distance


def named(name: str, title: str, values: Tensor, size: dict[str, Any]) -> dict[str, Any]:
    """A background's name, title and range, without its brightest outliers."""
    low, high = values.quantile(torch.tensor([0.01, 0.98])).tolist()
    return {"name": name, "title": title, "low": low, "high": high, **size}
