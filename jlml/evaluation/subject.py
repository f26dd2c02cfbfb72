"""A trained model with the data of its run. All parts of an evaluation share its codes."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from jlml.config.schema import Evaluate
from jlml.data import ImageDataModule
from jlml.data.batches import generator_for, to_float
from jlml.data.split import classes_in
from jlml.evaluation.batches import in_batches
from jlml.evaluation.results import NotApplicableError
from jlml.metrics.mixture import fitted_mixture
from jlml.metrics.pca import PCABaseline, principal_components
from jlml.models import Autoencoder
from jlml.runs import Run, build_data
from jlml.runs.data_root import check_same_data, named_place, recorded_place

DIGIT_SIZE = 28  # pixels per side of a digit of MNIST
EVALUATION = 100  # a purpose of random numbers that training does not use

Images = Float[Tensor, "images channel height width"]
Codes = Float[Tensor, "images latent"]
Item = TypeVar("Item")


class Subject:
    """A checkpoint of a run and its images. All tensors that it returns are on the CPU."""

    def __init__(self, run: Run, which: str, settings: Evaluate) -> None:
        self.run = run
        self.which = which
        self.settings = settings
        self.model: Autoencoder = run.load_model(which, settings.trust)
        self.device = torch.device("cuda" if settings.device == "gpu" else "cpu")
        self.model.to(self.device)
        self.config = run.config(settings.trust)
        self.data = self._data_with()
        self.advance: Callable[[int, int], None] = lambda done, total: None  # reports progress

    def _data_with(self, **changes: Any) -> ImageDataModule:
        config = {**self.config, "data": {**self.config["data"], **self._place, **changes}}
        data = build_data(config)
        data.setup()
        check_same_data(config, data)
        return data

    @cached_property
    def _place(self) -> dict[str, str]:
        """Where the data lie, as changes of the group `data`."""
        named = named_place(self.config, root=self.settings.data.root, path=self.settings.data.path)
        return named or recorded_place(self.config)

    @cached_property
    def test_images(self) -> Images:
        """Test images as the model sees them, in [0, 1]."""
        return to_float(self.data.test_images)

    @cached_property
    def train_images(self) -> Tensor:
        """Training images as the model sees them. Grey ones stay bytes, a quarter of the memory."""
        return self.data.training_images_once()

    @cached_property
    def grey(self) -> ImageDataModule:
        """The same splits with grey pixels, also if the model was trained on other pixels."""
        return self.data if self.data.pixels == "grey" else self._data_with(pixels="grey")

    @cached_property
    def test_codes(self) -> Codes:
        return self.encode(self.data.test_images)

    @cached_property
    def train_codes(self) -> Codes:
        return self.encode(self.train_images)

    @cached_property
    def reconstructions(self) -> dict[str, Images]:
        """The decoded code of each test image, in every kind of picture."""
        return self.pictures(self.test_codes)

    @cached_property
    def pca(self) -> PCABaseline:
        """PCA with as many components as the model has latent dimensions, fitted to the training images.

        Raises:
            NotApplicableError: the images have fewer components.
        """
        train = to_float(self.train_images)
        most = min(len(train), train[0].numel())
        if self.model.latent_dim > most:
            raise NotApplicableError(f"PCA of these images has {most} components, fewer than the latent dim.")
        return principal_components(train, self.test_images, self.model.latent_dim)

    @cached_property
    def mixture(self) -> Any:
        """A mixture of Gaussians fitted to training codes.

        Raises:
            NotApplicableError: there is only one training image.
        """
        if len(self.train_codes) < 2:
            raise NotApplicableError("Distributions fitted to codes need at least two training images.")
        order = torch.randperm(len(self.train_codes), generator=self.generator("mixture"))
        return fitted_mixture(self.train_codes[order], self.settings.seed)

    @property
    def classes(self) -> list[int]:
        """The classes of the test images; empty if they have none."""
        return classes_in(self.data.test_labels)

    @property
    def shows_digits(self) -> bool:
        """Whether jlml's digit classifier can read the images: grey digits of MNIST, not made smaller."""
        channels, height, width = self.data.image_shape
        return self.data.source.is_mnist and channels == 1 and height == width and height >= DIGIT_SIZE

    @cached_property
    def test_order(self) -> Tensor:
        """Indices of the test images in random order, because some sources store them by class."""
        return torch.randperm(len(self.data.test_labels), generator=self.generator("order"))

    def encode(self, images: Tensor) -> Codes:
        """The codes of stored images."""
        return self.in_batches(lambda batch: self.model.encode(to_float(batch)).float(), images)

    def decode(self, codes: Codes) -> Images:
        """The mean images of codes."""
        return self.in_batches(lambda batch: self.model.decode(batch).float(), codes)

    def pictures(self, codes: Codes) -> dict[str, Images]:
        """The decoded codes in every kind of picture of the observation model; the mean comes first."""
        return self.in_batches(lambda batch: self.model.loss.pictures(self.model.decoder(batch)), codes)

    def shown(self, codes: Codes) -> Images:
        """The decoded codes as the picture that stands for the observation model: the mean, or lambda."""
        return self.in_batches(lambda batch: self.model.loss.picture(self.model.decoder(batch)), codes)

    def in_batches(self, function: Callable[..., Any], *tensors: Tensor) -> Any:
        """Applies a function of the model to images or codes, see `batches.in_batches`."""
        return in_batches(function, *tensors, size=self.settings.batch_size, device=self.device)

    def generator(self, purpose: str, *number: int) -> Generator:
        """A random generator for one purpose, independent of device, batch size and other parts."""
        return generator_for(self.settings.seed, EVALUATION, zlib.crc32(purpose.encode()), *number)

    def track(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """Yields the items and reports progress."""
        for done, item in enumerate(items, start=1):
            yield item
            self.advance(done, total)
