"""Plain training loops, as references for the benchmarks."""

import gzip
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from jlml.config import Config
from jlml.data import ImageDataModule
from jlml.data.mnist import IDX_DATASETS
from jlml.metrics.kl import kl_to_standard_normal
from jlml.models import VAE, Autoencoder
from jlml.runs import build_data
from jlml.training.build import run_config

Batches = Callable[[], Iterable[Tensor]]


def prepared(overrides: Sequence[str]) -> tuple[Config, ImageDataModule]:
    """The config of the overrides, and its loaded data."""
    config = run_config(*overrides)
    data = build_data(config)
    data.setup()
    return config, data


def loss_of(model: Autoencoder, images: Tensor) -> Tensor:
    """The mean negative ELBO of a Bernoulli VAE, or the mean cross-entropy of an AE."""
    codes, kl = model.encoder(images), torch.zeros(())
    if isinstance(model, VAE):
        mean, log_variance = codes.chunk(2, dim=1)
        codes = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        kl = kl_to_standard_normal(mean, log_variance).sum()
    nll = F.binary_cross_entropy_with_logits(model.decoder(codes), images, reduction="sum")
    return (nll + kl) / len(images)


class Loop:
    """A loop that trains with Adam and does nothing else.

    Args:
        model: model whose encoder and decoder are trained.
        batches: returns the batches of an epoch.
        fused: whether to use fused Adam, which is not torch's default.
    """

    def __init__(self, model: Autoencoder, batches: Batches, fused: bool = True) -> None:
        self.model = model.train()
        self.batches = batches
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)

    def epoch(self) -> Iterator[None]:
        """Trains an epoch. Yields after every step, so that other loops can alternate with it."""
        for images in self.batches():
            loss = loss_of(self.model, images)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield


def in_memory(images: Tensor, batch_size: int) -> Batches:
    """Shuffled batches of bytes in memory, as floats in [0, 1]."""

    def batches() -> Iterator[Tensor]:
        for index in torch.randperm(len(images)).split(batch_size):
            yield images[index].float().div_(255)

    return batches


@torch.no_grad()
def validate(model: Autoencoder, images: Tensor) -> float:
    """The mean loss over images, in batches of 1000."""
    model.eval()
    losses = [loss_of(model, batch.float().div_(255)) for batch in images.split(1000)]
    model.train()
    return float(torch.stack(losses).mean())


@contextmanager
def torchvision_batches(
    data: ImageDataModule, batch_size: int, images: int, padding: int = 0
) -> Iterator[Batches]:
    """Batches of the first MNIST training images from torchvision's Dataset and torch's DataLoader.

    Args:
        data: data module with the folder of the images.
        batch_size: images per batch.
        images: images per epoch.
        padding: pixels that torchvision's transforms add around each image.
    """
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    with tempfile.TemporaryDirectory() as root:
        unpack(data.root, Path(root))
        padded = [transforms.Pad(padding)] if padding else []
        transform = transforms.Compose([*padded, transforms.ToTensor()])
        dataset = datasets.MNIST(root, train=True, transform=transform)
        loader = DataLoader(Subset(dataset, range(images)), batch_size, shuffle=True)
        yield lambda: (batch for batch, _ in loader)


def unpack(source: Path, target: Path) -> None:
    """Unpacks MNIST's four files from ``source`` to torchvision's folder below ``target``."""
    raw = Path("MNIST") / "raw"
    (target / raw).mkdir(parents=True)
    for name in IDX_DATASETS["mnist"].checksums:
        packed, plain = source / raw / f"{name}.gz", source / raw / name
        if plain.exists():
            shutil.copy(plain, target / raw / name)
        else:
            (target / raw / name).write_bytes(gzip.decompress(packed.read_bytes()))
