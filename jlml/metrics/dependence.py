"""How much larger the variance of a mean is because its images are not independent: they share neighbours."""

from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Shaped
from torch import Tensor

FEWEST = 100  # images; a group needs a quarter of them
GROUPS = 4
SPLITS = 3  # with GROUPS, nine degrees of freedom: the root of an effect is accurate to about a quarter


def design_effects(
    values_of: Callable[..., Mapping[str, Tensor]],
    *sets: Shaped[Tensor, "images ..."],
    growth: float = 1.0,
) -> dict[str, float]:
    """The variance of the mean of each score over that of as many independent values.

    The images are split into random groups, and each group is scored alone. Groups share no images, so the
    variance between their means is right. A jackknife, which leaves out one group at a time, is no
    substitute: it counts what two images cause together twice, what three cause three times, and so on.
    Source: Kish 1965 (design effect); Efron & Stein 1981 (jackknife).

    Args:
        values_of: one value per image for each score, from some rows of all sets.
        sets: tensors of equal length, one row per image.
        growth: factor of (effect - 1) from a group to all images.

    Returns:
        One number per score; none for fewer than 100 images.
    """
    count = len(sets[0])
    if count < FEWEST:
        return {}
    generator = torch.Generator().manual_seed(0)
    between, within = defaultdict(list), defaultdict(list)
    for _ in range(SPLITS):
        groups = torch.randperm(count, generator=generator).tensor_split(GROUPS)
        scored = [values_of(*(some[rows] for some in sets)) for rows in groups]
        for name in scored[0]:
            values = [group[name].double() for group in scored]
            between[name].append(torch.stack([some.mean() for some in values]).var())
            within[name].append(torch.stack([some.var() / len(some) for some in values]).mean())
    return {name: effect(between[name], within[name], growth) for name in between}


def effect(between: list[Tensor], within: list[Tensor], growth: float) -> float:
    """The ratio of the mean variances, extrapolated to all images. 1 if no value varies."""
    if_independent = sum(map(float, within))
    ratio = sum(map(float, between)) / if_independent if if_independent else 1.0
    return 1 + growth * (ratio - 1) if ratio > 1 else ratio
