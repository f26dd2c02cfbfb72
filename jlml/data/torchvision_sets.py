"""Data sets of torchvision: KMNIST, EMNIST, CIFAR10, SVHN and others."""

import inspect
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jlml.data.datamodule import ImageDataModule
from jlml.data.download import download_root, downloading
from jlml.data.image_files import as_tensor
from jlml.data.npz import as_bytes
from jlml.data.source import Source, check_memory, fingerprint_of
from jlml.errors import UserError, did_you_mean, first_line

log = logging.getLogger(__name__)

TRANSPOSED = ("EMNIST",)  # stored with rows and columns exchanged, as its authors say
DIGITS_LIKE_MNIST = ("MNIST", "QMNIST")


class TorchvisionDataModule(ImageDataModule):
    """A classification data set of torchvision, with its own test set if it has one.

    Args:
        dataset: name of a class of `torchvision.datasets`, for example `KMNIST`.
        options: arguments of this class, for example ``{"split": "letters"}`` for EMNIST.
        root: folder of the files, in torchvision's layout; downloads go there. None for the folder in the
            environment variable JLML_DATA or, if that is not set, `data`.
        others: see `ImageDataModule`.
    """

    shares_root = True

    def __init__(
        self,
        dataset: str | None = None,
        options: Mapping[str, Any] | None = None,
        root: str | None = None,
        **others: Any,
    ) -> None:
        super().__init__(**others)
        if dataset is None:
            raise UserError("data=torchvision needs a data set, for example data.dataset=KMNIST.")
        self.dataset = dataset
        self.options = dict(options or {})
        self.root = download_root(root)

    def is_on_disk(self) -> bool:
        try:
            self._open(download=False)
        except Exception:  # each class has its own
            return False
        return True

    def read(self) -> Source:
        train, test = self._opened()
        images, labels = self._content(train)
        test_images, test_labels = (None, None) if test is None else self._content(test)
        largest = max(int(some.max()) for some in (labels, test_labels) if some is not None)
        names = tuple(map(str, getattr(train, "classes", ())))
        names = names if len(names) > largest else tuple(map(str, range(largest + 1)))
        return Source(
            self.name or "-".join([self.dataset.lower(), *map(str, self.options.values())]),
            images,
            labels,
            names,
            fingerprint_of(images, labels, test_images, test_labels, names=names),
            test_images,
            test_labels,
            is_mnist=self.dataset in DIGITS_LIKE_MNIST,
        )

    def _opened(self) -> list[Any]:
        """The training and the test set, or all images and None. Downloads them if they are missing.

        Raises:
            UserError: they cannot be had.
        """
        try:
            return self._open(download=False)
        except (RuntimeError, OSError) as missing:
            try:
                with downloading(self.root):
                    log.info("Downloading %s to %s.", self.dataset, self.root)
                    return self._open(download=True)
            except (RuntimeError, OSError, TypeError) as error:
                why = first_line(missing if isinstance(error, TypeError) else error)  # it takes no download=
                raise UserError(
                    f"{self.dataset} is not complete in {self.root} and cannot be downloaded ({why}). Put "
                    "its files there as torchvision expects them, or name the folder that has them with "
                    "data.root or JLML_DATA."
                ) from error
        except (TypeError, ValueError) as error:
            raise UserError(f"data.options do not fit {self.dataset}: {first_line(error)}.") from error

    def _open(self, download: bool) -> list[Any]:
        from torchvision import datasets  # imported here because it takes a second

        names = [name for name in datasets.__all__ if inspect.isclass(getattr(datasets, name))]
        if self.dataset not in names:
            hint = did_you_mean(self.dataset, names)
            raise UserError(f"data.dataset={self.dataset} is not a class of torchvision.datasets.{hint}")
        found = getattr(datasets, self.dataset)
        options = {**self.options, **({"download": True} if download else {})}
        takes = arguments_of(found) - options.keys()
        if "root" in takes:
            options["root"] = str(self.root)
        parts: list[dict[str, Any]] = [{}]
        if "train" in takes:
            parts = [{"train": True}, {"train": False}]
        elif "split" in takes:
            parts = [{"split": "train"}, {"split": "test"}]
        opened = [found(**options, **part) for part in parts]
        return opened if len(opened) == 2 else [*opened, None]

    def _content(self, dataset: Any) -> tuple[Tensor, Tensor]:
        """Images as bytes, and labels."""
        values = getattr(dataset, "data", None)
        labels = next((getattr(dataset, key) for key in ("targets", "labels") if hasattr(dataset, key)), None)
        if not isinstance(values, (np.ndarray, Tensor)) or labels is None:
            return self._one_by_one(dataset)
        try:
            images = as_bytes(np.asarray(values), f"The images of {self.dataset}")
        except ValueError as flaw:
            raise UserError(f"{flaw}.") from None
        if self.dataset in TRANSPOSED:
            images = images.transpose(2, 3).contiguous()
        return images, torch.as_tensor(np.asarray(labels)).long()

    def _one_by_one(self, dataset: Any) -> tuple[Tensor, Tensor]:
        """The images of a set that reads each from its file, in colour unless the first is grey."""
        images: list[Tensor] = []
        labels: list[int] = []
        channels = 3
        for image, label in dataset:
            if not images:
                channels = 1 if image.mode in ("1", "L") else 3
            bytes_ = as_tensor(image.convert("L" if channels == 1 else "RGB"), self.image_size, self.fit)
            if images and bytes_.shape != images[0].shape:
                raise UserError(
                    f"The images of {self.dataset} differ in size. Choose one, for example "
                    "data.image_size=64, and how to reach it: data.fit=pad, crop or resize."
                )
            if not images:
                size = bytes_.numel() * len(dataset)
                check_memory(size, f"{self.dataset} at this size", "Use a smaller data.image_size.")
            images.append(bytes_)
            labels.append(label if isinstance(label, int) else -1)  # some have boxes or texts
        return torch.stack(images), torch.tensor(labels)


def arguments_of(found: type) -> set[str]:
    """The arguments of a class, with those of its base class if it passes others on."""
    names: set[str] = set()
    for parent in found.__mro__:
        if "__init__" not in vars(parent) or parent is object:
            continue
        parameters = inspect.signature(parent.__init__).parameters.values()  # type: ignore[misc]
        names |= {each.name for each in parameters}
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return names
