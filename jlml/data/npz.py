"""Images in a NumPy file: arrays of any usual shape and type."""

import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from jlml.data.datamodule import ImageDataModule
from jlml.data.source import Source, check_memory, fingerprint_of
from jlml.errors import UserError, did_you_mean, first_line

PARTS = ("images", "labels", "factors")  # each also with the prefix test_
TEST = "test_"
KEYS = (*PARTS, *(f"{TEST}{part}" for part in PARTS), "class_names", "factor_names")
# value of a white pixel
LARGEST = {np.dtype(np.bool_): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}

Arrays = Mapping[str, np.ndarray]


class NpzDataModule(ImageDataModule):
    """Images in an .npz file: the array `images` and, if there are any, `labels`, `class_names`, `factors`,
    `factor_names`, and the test set's `test_images`, `test_labels` and `test_factors`.

    Images are N x H x W, N x H x W x C or N x C x H x W with one or three channels: bytes, 16 bits, booleans,
    or floats in [0, 1], which are rounded to bytes. Labels are integers from 0, with -1 for an image without
    a class, or texts.

    Args:
        path: the file.
        options: see `ImageDataModule`.
    """

    def __init__(self, path: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        if path is None:
            raise UserError("data=npz needs the file of the images: data.path=<file.npz>.")
        self.path = Path(path).expanduser()

    def is_on_disk(self) -> bool:
        return self.path.is_file()

    def read(self) -> Source:
        arrays = read_arrays(self.path)
        try:
            return source_of(arrays, self.name or self.path.stem)
        except ValueError as flaw:
            raise UserError(f"{self.path}: {flaw}.") from None


def read_arrays(path: Path) -> Arrays:
    """The known arrays of a file. Pickled objects are not loaded, because they can start programs.

    Raises:
        UserError: the file is missing, damaged, too large for the memory, or has no images.
    """
    if not path.is_file():
        raise UserError(f"data.path={path} is not a file. Name an .npz file with the array images.")
    try:
        with zipfile.ZipFile(path) as archive:
            there = [name.removesuffix(".npy") for name in archive.namelist()]
            if "images" not in there:
                hint = did_you_mean("images", there)
                raise UserError(f"{path} has no array images, only {', '.join(there) or 'nothing'}.{hint}")
            size = sum(promised_bytes(archive, name) for name in KEYS if name in there)
        check_memory(size, f"The arrays of {path}", "Store smaller or fewer images.")
        with np.load(path, allow_pickle=False) as content:
            return {key: content[key] for key in KEYS if key in there}
    except UserError:
        raise
    except Exception as error:  # a damaged file can make the readers raise any error
        raise UserError(f"{path} cannot be read as an .npz file: {first_line(error)}.") from error


def promised_bytes(archive: zipfile.ZipFile, name: str) -> int:
    """The size of an array according to its header."""
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    return prod(shape) * dtype.itemsize


def source_of(arrays: Arrays, name: str) -> Source:
    """The data set of these arrays.

    Raises:
        ValueError: an array has the wrong shape, type or range; the message is a sentence without its end.
    """
    images = as_bytes(arrays["images"], "images")
    labels, names = as_labels(arrays, "", len(images), ())
    factors = as_factors(arrays, "", len(images))
    test_images, test_labels, test_factors = None, None, None
    if f"{TEST}images" in arrays:
        test_images = as_bytes(arrays[f"{TEST}images"], f"{TEST}images")
        if test_images.shape[1:] != images.shape[1:]:
            raise ValueError(f"images have the shape {of_one(images)}, and test_images {of_one(test_images)}")
        test_labels, names = as_labels(arrays, TEST, len(test_images), names)
        test_factors = as_factors(arrays, TEST, len(test_images))
    columns = 0 if factors is None else factors.shape[1]
    factor_names = tuple(map(str, arrays.get("factor_names", [f"factor {n}" for n in range(1, columns + 1)])))
    if len(factor_names) != columns or (test_factors is not None and test_factors.shape[1] != columns):
        raise ValueError("factors, test_factors and factor_names differ in their number of factors")
    content = (images, labels, test_images, test_labels, factors, test_factors)
    fingerprint = fingerprint_of(*content, names=names)
    return Source(
        name,
        images,
        labels,
        names,
        fingerprint,
        test_images,
        test_labels,
        factors,
        test_factors,
        factor_names,
    )


def as_bytes(values: np.ndarray, key: str) -> Tensor:
    """Images as (N, C, H, W) bytes."""
    if values.ndim == 3:
        values = values[:, None]
    elif values.ndim == 4 and values.shape[1] not in (1, 3) and values.shape[3] in (1, 3):
        values = values.transpose(0, 3, 1, 2)
    if values.ndim != 4 or values.shape[1] not in (1, 3) or 0 in values.shape:
        raise ValueError(
            f"{key} have the shape {values.shape}, expected N x H x W, N x H x W x C or N x C x H x W with "
            "one or three channels"
        )
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{key} have the type {values.dtype}, expected numbers")
    if values.dtype in LARGEST:
        largest = LARGEST[values.dtype]
        scaled = values if largest == 255 else np.rint(values * (255 / largest))
    else:
        low, high = values.min(), values.max()
        if values.dtype.kind in "iu" and low >= 0 and high <= 255:
            scaled = values
        elif values.dtype.kind == "f" and low >= 0 and high <= 1:  # false for NaN
            scaled = np.rint(values * 255)
        else:
            raise ValueError(
                f"{key} have the type {values.dtype} and values from {low:.4g} to {high:.4g}, expected "
                "integers from 0 to 255, 16 bits, booleans, or floats from 0 to 1"
            )
    return torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.uint8))


def as_labels(
    arrays: Arrays, prefix: str, count: int, names: tuple[str, ...]
) -> tuple[Tensor, tuple[str, ...]]:
    """The classes of images, -1 where there is none, and the names of all classes.

    Args:
        arrays: all arrays.
        prefix: empty or ``test_``.
        count: number of images.
        names: names of the classes that are known so far.
    """
    key = f"{prefix}labels"
    if key not in arrays:
        return torch.full((count,), -1), names
    labels = arrays[key]
    if labels.shape != (count,) or labels.dtype.kind not in "iuU":
        raise ValueError(
            f"{key} have the shape {labels.shape} and the type {labels.dtype}, expected {count} integers "
            "or texts"
        )
    if labels.dtype.kind == "U":
        names = names or tuple(map(str, np.unique(labels)))
        unknown = set(map(str, np.unique(labels))) - set(names)
        if unknown:
            raise ValueError(f"{key} have a class that labels lack: {min(unknown)}")
        return torch.tensor([names.index(str(label)) for label in labels]), names
    given = tuple(map(str, arrays.get("class_names", ())))
    largest = int(labels.max())
    names = given or names if len(given or names) > largest else tuple(map(str, range(largest + 1)))
    if int(labels.min()) < -1 or (given and largest >= len(given)) or largest >= count + len(names):
        raise ValueError(
            f"{key} are from {labels.min()} to {largest}, expected classes from 0, or -1 for none"
        )
    return torch.from_numpy(labels.astype(np.int64)), names


def as_factors(arrays: Arrays, prefix: str, count: int) -> Tensor | None:
    """The known factors of variation of images, one row per image; None if there are none."""
    key = f"{prefix}factors"
    if key not in arrays:
        return None
    factors = arrays[key]
    if (
        factors.ndim != 2
        or len(factors) != count
        or factors.dtype.kind not in "iuf"
        or not np.isfinite(factors).all()
    ):
        raise ValueError(
            f"{key} have the shape {factors.shape} and the type {factors.dtype}, expected {count} rows of "
            "numbers"
        )
    return torch.from_numpy(factors.astype(np.float32))


def of_one(images: Tensor) -> tuple[int, ...]:
    """The shape of one image."""
    return tuple(images.shape[1:])
