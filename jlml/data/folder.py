"""A folder of images: sub-folders are classes. Read once into bytes, which are kept for the next run."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from jlml.data.datamodule import ImageDataModule
from jlml.data.image_files import SUFFIXES, Header, read_header, read_image
from jlml.data.source import Source, check_memory, fingerprint_of
from jlml.errors import UserError

log = logging.getLogger(__name__)

VERSION = 1  # of the kept bytes; changes with their meaning
FEW = 200  # files that are read without a progress bar
VALIDATION_NAMES = ("val", "valid", "validation")

Item = TypeVar("Item")


class FolderDataModule(ImageDataModule):
    """Images in a folder: PNG, JPEG, BMP, GIF, TIFF or WebP files of any size, grey or colour.

    Sub-folders are classes, with all images below them. Without sub-folders, or with a single one, images
    have no class. If there are folders `train` and `test`, they are the training and the test set.

    EXIF orientations are applied, 16 bits scaled to 8, and transparent pixels laid on ``background``. Files
    of different sizes need ``image_size``. The bytes are kept in the user's cache folder until a file
    changes.

    Args:
        root: the folder.
        channels: 1 makes all images grey, 3 colour; None: grey if all files are grey.
        background: grey level, 0 to 255, behind transparent pixels.
        options: see `ImageDataModule`.
    """

    def __init__(
        self, root: str | int | None = None, channels: int | None = None, background: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        if root is None:
            raise UserError("data=folder needs the folder of the images: data.root=<folder>.")
        self.root = Path(str(root)).expanduser()
        self.channels = channels
        self.background = background

    def is_on_disk(self) -> bool:
        return self.root.is_dir()

    def read(self) -> Source:
        try:
            listing = list_images(self.root)
            tensors = self._tensors(listing)
        except OSError as error:
            raise UserError(f"{error.filename or self.root} cannot be read: {error.strerror}.") from error
        names = listing.class_names
        name = self.name or self.root.resolve().name or "folder"
        content = [tensors.get(key) for key in ("images", "labels", "test_images", "test_labels")]
        images, labels, test_images, test_labels = content
        assert images is not None
        assert labels is not None
        return Source(
            name, images, labels, names, fingerprint_of(*content, names=names), test_images, test_labels
        )

    def _tensors(self, listing: "Listing") -> dict[str, Tensor]:
        """Images and labels: kept from an earlier run, or from the files if one has changed."""
        options = (VERSION, self.channels, self.background, self.image_size, self.image_size and self.fit)
        place = hashlib.sha256(repr((str(self.root.resolve()), options)).encode()).hexdigest()[:24]
        kept = cache_folder() / f"{place}.safetensors"
        state = listing.state()
        with contextlib.suppress(Exception), safe_open(kept, framework="pt") as file:  # missing or damaged
            if (file.metadata() or {}).get("files") == state:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        tensors = self._read_files(listing)
        with contextlib.suppress(OSError):  # the next run then reads the files again
            kept.parent.mkdir(parents=True, exist_ok=True)
            temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
            save_file(tensors, temporary, {"files": state})
            temporary.replace(kept)
        return tensors

    def _read_files(self, listing: "Listing") -> dict[str, Tensor]:
        files = [*listing.train, *listing.test]
        with stopping_pool() as pool:
            headers = list(
                shown(pool.map(read_header, [file.path for file in files]), len(files), "Checking")
            )
            channels = self.channels or (1 if all(header.is_grey for header in headers) else 3)
            height, width = self._size(files, headers)
            check_memory(
                len(files) * channels * height * width,
                f"{len(files):,} images of {height} x {width} pixels in {self.root}",
                "Use a smaller data.image_size, or fewer images.",
            )

            def read(file: "File") -> Tensor:
                return read_image(file.path, channels, self.background, self.image_size, self.fit)

            images = torch.empty((len(files), channels, height, width), dtype=torch.uint8)
            for number, image in enumerate(shown(pool.map(read, files), len(files), "Reading")):
                images[number] = image
        labels = torch.tensor([file.label for file in files])
        count = len(listing.train)
        tensors = {"images": images[:count].clone(), "labels": labels[:count].clone()}
        if listing.test:
            tensors |= {"test_images": images[count:].clone(), "test_labels": labels[count:].clone()}
        return tensors

    def _size(self, files: Sequence["File"], headers: Sequence[Header]) -> tuple[int, int]:
        """Height and width of all images.

        Raises:
            UserError: they differ, and there is no `image_size`.
        """
        if self.image_size is not None:
            return self.image_size, self.image_size
        first = headers[0]
        for file, header in zip(files, headers, strict=True):
            if (header.height, header.width) != (first.height, first.width):
                raise UserError(
                    f"The images differ in size: {files[0].path} has {first.height} x {first.width} pixels, "
                    f"{file.path} {header.height} x {header.width}. Choose one size, for example "
                    "data.image_size=64, and how to reach it: data.fit=pad, crop or resize."
                )
        return first.height, first.width


@dataclass(frozen=True)
class File:
    """An image file and the number of its class, or -1."""

    path: Path
    label: int


@dataclass(frozen=True)
class Listing:
    """The image files of a folder."""

    root: Path
    train: Sequence[File]
    test: Sequence[File]
    class_names: tuple[str, ...]

    def state(self) -> str:
        """A hash that changes if a file is added, removed or written."""
        rows = [json.dumps(self.class_names)]
        for file in (*self.train, *self.test):  # their paths tell them apart
            status = file.path.stat()
            place = file.path.relative_to(self.root).as_posix()
            rows.append(repr((place, file.label, status.st_size, status.st_mtime_ns)))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def list_images(root: Path) -> Listing:
    """Finds the images and classes of a folder.

    Raises:
        UserError: it is not a folder, contains no images, or its parts have different classes.
    """
    if not root.is_dir():
        raise UserError(f"data.root={root} is not a folder. Name the folder of the images.")
    train, test = root / "train", root / "test"
    if not (train.is_dir() and test.is_dir()):
        files, names = files_and_classes(root)
        return Listing(root, files, (), names)
    for name in VALIDATION_NAMES:
        if (root / name).is_dir():
            log.warning("%s is not read: validation images are drawn from %s.", root / name, train)
    files, names = files_and_classes(train)
    test_files, test_names = files_and_classes(test, keep_single=bool(names))
    unknown = sorted(set(test_names) - set(names))
    if unknown and names:
        raise UserError(f"{test} has classes that {train} lacks: {', '.join(unknown)}. Add or remove them.")
    numbers = {number: names.index(name) if name in names else -1 for number, name in enumerate(test_names)}
    return Listing(root, files, [File(each.path, numbers.get(each.label, -1)) for each in test_files], names)


def files_and_classes(folder: Path, keep_single: bool = False) -> tuple[list[File], tuple[str, ...]]:
    """The image files below a folder, and the names of their classes: the sub-folders with images.

    Args:
        folder: the folder.
        keep_single: whether a single sub-folder is a class, too.

    Raises:
        UserError: there are no images.
    """
    direct = sorted(path for path in folder.iterdir() if is_image(path))
    by_class = {
        path.name: list(images_below(path))
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    by_class = {name: paths for name, paths in by_class.items() if paths}
    if not direct and not by_class:
        raise UserError(
            f"{folder} contains no images: expected files that end in {', '.join(SUFFIXES)}, in the folder "
            "or in sub-folders that are their classes."
        )
    if len(by_class) == 1 and not keep_single:
        (name,) = by_class
        log.info("All images are in one folder, %s, so they have no classes.", folder / name)
        return [File(path, -1) for path in (*direct, *by_class[name])], ()
    files = [File(path, -1) for path in direct]
    for number, paths in enumerate(by_class.values()):
        files += [File(path, number) for path in paths]
    return files, tuple(by_class)


def images_below(folder: Path) -> Iterator[Path]:
    """All image files below a folder, in a fixed order."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for name in sorted(files) if is_image(path := Path(place, name)))


def is_image(path: Path) -> bool:
    """Whether a name is that of an image file. Some systems put hidden files beside each image."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


@contextlib.contextmanager
def stopping_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that do not go on with the other files after an error in one."""
    pool = ThreadPoolExecutor()
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def cache_folder() -> Path:
    """The folder for images that were read: in JLML_CACHE, or in the user's cache folder."""
    named = os.environ.get("JLML_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jlml"


def shown(items: Iterator[Item], total: int, what: str) -> Iterator[Item]:
    """The items, with a progress bar on the terminal if there are many."""
    if total <= FEW:
        return items
    return iter(track(items, f"{what} {total:,} images", total, console=Console(stderr=True), transient=True))
