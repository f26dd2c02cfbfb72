"""A data set before it is split: images, labels and optional factors of variation."""

from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Source:
    """Images as they are stored, with labels and names.

    Args:
        name: name of the data set, recorded with the run.
        images: training images, or all images if there is no separate test set.
        labels: classes from 0; -1 for an image without a class.
        class_names: names of the classes, by label.
        fingerprint: a hash that changes when an image or a label changes.
        test_images: images of the data set's own test set; None if it has none.
        test_labels: labels of the test images; None if there are none.
        factors: known factors of variation, one row per image; None if there are none.
        test_factors: factors of the test images; None if there are none.
        factor_names: names of the factors, by column.
    """

    name: str
    images: UInt8[Tensor, "images channel height width"]
    labels: Int64[Tensor, " images"]
    class_names: tuple[str, ...]
    fingerprint: str
    test_images: UInt8[Tensor, "tests channel height width"] | None = None
    test_labels: Int64[Tensor, " tests"] | None = None
    factors: Float32[Tensor, "images factors"] | None = None
    test_factors: Float32[Tensor, "tests factors"] | None = None
    factor_names: tuple[str, ...] = ()
