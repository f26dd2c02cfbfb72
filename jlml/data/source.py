"""A data set before it is split: images, labels and optional factors of variation."""

import hashlib
import os
from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from jlml.errors import UserError

DIGITS = tuple("0123456789")
COPIES = 2  # of all images in memory, while they are split


@dataclass(frozen=True)
class Source:
    """Images as they are stored, with labels and names.

    Args:
        name: name of the data set, recorded with the run.
        images: training images, or all images if there is no separate test set.
        labels: classes from 0; -1 for an image without a class.
        class_names: names of the classes, by label; empty if no image has a class.
        fingerprint: a hash that changes when an image or a label changes.
        test_images: images of the data set's own test set; None if it has none.
        test_labels: labels of the test images; None if there are none.
        factors: known factors of variation, one row per image; None if there are none.
        test_factors: factors of the test images; None if there are none.
        factor_names: names of the factors, by column.
        is_mnist: whether the images are digits of MNIST, which jlml's digit classifier knows.
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
    is_mnist: bool = False


def fingerprint_of(*tensors: Tensor | None, names: tuple[str, ...] = ()) -> str:
    """A hash of the content and the shapes of tensors, and of names."""
    digest = hashlib.sha256(repr(names).encode())
    for tensor in tensors:
        digest.update(repr(None if tensor is None else (tensor.dtype, tuple(tensor.shape))).encode())
        if tensor is not None:
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()[:32]


def check_memory(size: int, what: str, remedy: str) -> None:
    """Refuses images that do not fit into the memory, before they are read.

    Args:
        size: bytes of all images.
        what: what would be read, for the message.
        remedy: what the user can do.

    Raises:
        UserError: with the sizes.
    """
    if not hasattr(os, "sysconf"):  # Windows
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if COPIES * size > memory:
        raise UserError(
            f"{what} would take {size / 1e9:,.1f} GB in memory. jlml keeps all images there, and needs twice "
            f"their size; this machine has {memory / 1e9:,.1f} GB. {remedy}"
        )
