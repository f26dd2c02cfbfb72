"""What a data set is before it is split: images, and whatever is known about them."""

from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Source:
    """Images as they are stored, with labels and names.

    Args:
        name: of what was read; it labels the run.
        images: all of them, or those to train on if there are test images.
        labels: classes from 0; -1 where an image has none.
        class_names: by label.
        fingerprint: changes when an image or a label does.
        test_images: the data set's own test set; None if it has none.
        test_labels: likewise.
        factors: known factors of variation, one row per image; None if there are none.
        test_factors: likewise.
        factor_names: by column.
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
