"""Frechet distance between the features of real and of generated images."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

Real = Float[Tensor, "reals features"]
Other = Float[Tensor, "others features"]


class _Identity(nn.Module):
    """Replaces torchmetrics' network, because the features are already computed."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Real, other: Other) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with means m and covariances C of the features.

    A small number of images biases it upwards. Compare only distances for equal numbers of images.
    Source: Dowson & Landau 1982; Heusel et al. 2017 for generated images.
    """
    distance = FrechetInceptionDistance(feature=_Identity(real.shape[1]))
    distance.update(real.double(), real=True)
    distance.update(other.double(), real=False)
    return float(distance.compute())


def jackknife_error(real: Real, other: Other, groups: int = 20) -> float:
    """Standard error of the Frechet distance over draws of ``other``: a jackknife over groups of images."""
    parts = list(other.tensor_split(groups))
    without = [frechet_distance(real, torch.cat(parts[:i] + parts[i + 1 :])) for i in range(groups)]
    return (groups - 1) ** 0.5 * float(torch.tensor(without, dtype=torch.float64).std(correction=0))
