"""Random splits, stratified by class."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from jlml.shapes import Labels


@dataclass(frozen=True)
class Split:
    """The stored images of one split, with their labels and, if known, their factors of variation."""

    images: Tensor
    labels: Labels
    factors: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> "Split":
        factors = None if self.factors is None else self.factors[index]
        return Split(self.images[index], self.labels[index], factors)

    def split_off(self, count: int, generator: Generator) -> tuple["Split", "Split"]:
        """Two parts: the remaining images, and a stratified random draw of ``count`` images."""
        drawn = stratified_draw(self.labels, count, generator)
        kept = torch.ones(len(self), dtype=torch.bool)
        kept[drawn] = False
        return self[kept], self[drawn]

    def at_most(self, count: int, generator: Generator) -> "Split":
        """A stratified random draw of ``count`` images, or the whole split if it is not larger."""
        return self if count >= len(self) else self[stratified_draw(self.labels, count, generator)]


def classes_in(labels: Labels) -> list[int]:
    """The classes that occur among labels, in ascending order, without -1."""
    return [number for number in labels.unique().tolist() if number >= 0]


def stratified_draw(labels: Labels, count: int, generator: Generator) -> Tensor:
    """Indices, in ascending order, of a random draw with the class proportions of ``labels``.

    Each class deviates by less than one image. Systematic sampling: sorts a random order by class and takes
    every (N / count)-th image.
    """
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    positions = torch.arange(count, dtype=torch.float64).add(0.5).mul(len(labels) / count).long()
    return by_class[positions].sort().values
