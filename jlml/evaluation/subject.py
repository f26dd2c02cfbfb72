"""What is evaluated: a trained model with the images of its run, each encoded once for all parts."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from jlml.data import ImageDataModule
from jlml.data.batches import generator_for, to_float
from jlml.data.mnist import DEFAULT_ROOT
from jlml.evaluation.findings import NotApplicableError
from jlml.metrics.mixture import fitted_mixture
from jlml.metrics.pca import PCABaseline, principal_components
from jlml.models import Autoencoder
from jlml.runs import Run, build_data
from jlml.runs.data_root import recorded_root

EVALUATION = 100  # the stream of random numbers apart from those of training

Images = Float[Tensor, "images channel height width"]
Codes = Float[Tensor, "images latent"]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Settings:
    """How to evaluate; every key is one of `conf/evaluate.yaml`, which explains it."""

    seed: int = 0
    device: str = "cpu"
    batch_size: int = 1000
    importance_samples: int = 100
    samples: int = 10_000
    tsne_images: int = 5_000
    plane_axes: tuple[int, int] | None = None
    plane_images: tuple[int, int, int] | None = None
    data_root: str | None = None
    trust: bool = False


class Subject:
    """A checkpoint of a run and its images. Tensors that it hands out are on the CPU."""

    def __init__(self, run: Run, which: str, settings: Settings) -> None:
        self.run = run
        self.which = which
        self.settings = settings
        self.model: Autoencoder = run.load_model(which, settings.trust)
        self.device = torch.device("cuda" if settings.device == "gpu" else "cpu")
        self.model.to(self.device)
        self.config = run.config(settings.trust)
        self.data = self._data_with()
        self.advance: Callable[[int, int], None] = lambda done, of: None  # where progress is shown

    def _data_with(self, **changes: Any) -> ImageDataModule:
        node = {**self.config["data"], "root": self._data_root(), **changes}
        data = build_data({"data": node})
        data.setup()
        return data

    def _data_root(self) -> str:
        """Where the data is said to be now, or where it was: no folder is made where a run's config says."""
        if self.settings.data_root is not None:
            return self.settings.data_root
        data = self.config["data"]
        return recorded_root(str(data["name"]), str(data.get("root", DEFAULT_ROOT)))

    @property
    def latent_dim(self) -> int:
        return self.model.latent_dim

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.data.class_names)

    @property
    def train_labels(self) -> Tensor:
        return self.data.train_labels

    @property
    def test_labels(self) -> Tensor:
        return self.data.test_labels

    @cached_property
    def test_images(self) -> Images:
        """As the model sees them, in [0, 1]."""
        return to_float(self.data.test_images)

    @cached_property
    def train_images(self) -> Tensor:
        """As the model sees them, but bytes where no pixel was drawn: a quarter of the memory."""
        return self.data.training_images_once()

    @cached_property
    def grey(self) -> ImageDataModule:
        """The same splits with their stored grey pixels, whatever the model was trained on."""
        return self.data if self.data.pixels == "grey" else self._data_with(pixels="grey")

    @cached_property
    def test_codes(self) -> Codes:
        return self.encode(self.data.test_images)

    @cached_property
    def train_codes(self) -> Codes:
        return self.encode(self.train_images)

    @cached_property
    def reconstructions(self) -> Images:
        """Of the test images: the mean picture of each point code."""
        return self.decode(self.test_codes)

    @cached_property
    def pca(self) -> PCABaseline:
        """PCA with as many components as the model has latent dimensions, fitted to the training images.

        Raises:
            NotApplicableError: there are not so many components.
        """
        train = to_float(self.train_images)
        most = min(len(train), train[0].numel())
        if self.latent_dim > most:
            raise NotApplicableError(f"PCA of these images has {most} components, fewer than the latent dim.")
        return principal_components(train, self.test_images, self.latent_dim)

    @cached_property
    def mixture(self) -> Any:
        """A mixture of Gaussians fitted to training codes."""
        order = torch.randperm(len(self.train_codes), generator=self.generator("mixture"))
        return fitted_mixture(self.train_codes[order], self.settings.seed)

    @cached_property
    def test_order(self) -> Tensor:
        """Indices of the test images at random: some sources store them by class."""
        return torch.randperm(len(self.test_labels), generator=self.generator("order"))

    def encode(self, images: Tensor) -> Codes:
        """The point codes of images as they are stored, in batches."""
        return self._in_batches(lambda batch: self.model.encode(to_float(batch)), images)

    def decode(self, codes: Codes) -> Images:
        """The mean pictures of codes, in batches."""
        return self._in_batches(self.model.decode, codes)

    def pictures(self, codes: Codes) -> dict[str, Images]:
        """Every way in which the observation model shows codes: the mean first, then others."""
        shown: dict[str, list[Tensor]] = {}
        with torch.no_grad():
            for batch in codes.split(self.settings.batch_size):
                logits = self.model.decoder(batch.to(self.device))
                for name, picture in self.model.loss.pictures(logits).items():
                    shown.setdefault(name, []).append(picture.float().cpu())
        return {name: torch.cat(pictures) for name, pictures in shown.items()}

    def _in_batches(self, function: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
        with torch.no_grad():
            done = [
                function(batch.to(self.device)).float().cpu()
                for batch in items.split(self.settings.batch_size)
            ]
        return torch.cat(done)

    def generator(self, purpose: str, *number: int) -> Generator:
        """Random numbers for one purpose, on the CPU: the same whatever device, batches and parts."""
        return generator_for(self.settings.seed, EVALUATION, zlib.crc32(purpose.encode()), *number)

    def track(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """The items; how many of them are done is shown."""
        for done, item in enumerate(items, start=1):
            yield item
            self.advance(done, total)
