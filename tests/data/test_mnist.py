"""Data sources are verified. Missing data are downloaded or replaced by a fallback, with a warning."""

import gzip
import logging
import shutil

import numpy as np
import pytest
import torch

from jlml.data import mnist
from jlml.data.mnist import IDX_DATASETS, load
from jlml.errors import UserError


@pytest.fixture
def offline(monkeypatch):
    """Simulates a missing internet connection: torchvision raises a RuntimeError."""

    def fail(self):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried https://example.org/mnist/")

    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "download", fail)


def test_full_mnist_is_read_and_verified(mnist_root):
    source = load("mnist", mnist_root)
    assert source.images.shape == (60_000, 1, 28, 28)
    assert source.test_images.shape == (10_000, 1, 28, 28)
    assert source.images.dtype == torch.uint8
    assert source.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    zeros = (source.images == 0).sum() + (source.test_images == 0).sum()
    assert float(zeros) / (70_000 * 784) == pytest.approx(0.8086, abs=1e-4)


def test_the_bundled_images_are_complete_and_cached(data_root):
    source = load("mnist_5k", data_root)
    assert source.images.shape == (5000, 1, 28, 28)
    assert source.labels.bincount().tolist() == [500] * 10
    assert source.test_images is None
    with np.load(data_root / "mnist_5k.npz") as cached:
        assert np.array_equal(cached["images"], source.images.numpy())


@pytest.mark.robustness
def test_a_damaged_cache_is_rebuilt(data_root, tmp_path):
    load("mnist_5k", data_root)
    good = (data_root / "mnist_5k.npz").read_bytes()
    for damaged in (
        b"",
        b"not a zip",
        good[: len(good) // 2],
        flipped(good, 5),
        flipped(good, len(good) // 2),
    ):
        (tmp_path / "mnist_5k.npz").write_bytes(damaged)
        assert load("mnist_5k", tmp_path).images.shape == (5000, 1, 28, 28)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.robustness
@pytest.mark.parametrize("wrong", ["images", "labels"])
def test_a_cache_with_wrong_images_or_labels_is_rebuilt(data_root, tmp_path, wrong):
    source = load("mnist_5k", data_root)
    arrays = {"images": source.images.numpy().copy(), "labels": source.labels.numpy().copy()}
    arrays[wrong].flat[17] += 1
    np.savez(tmp_path / "mnist_5k.npz", **arrays)
    again = load("mnist_5k", tmp_path)
    assert torch.equal(again.images, source.images)
    assert torch.equal(again.labels, source.labels)


def test_the_bundled_images_are_all_from_the_training_set(data_root, mnist_root):
    """They must not be used to evaluate a model that was trained on full MNIST."""
    few = {image.numpy().tobytes() for image in load("mnist_5k", data_root).images}
    full = load("mnist", mnist_root)
    assert few <= {image.numpy().tobytes() for image in full.images[:6000]}
    assert not few & {image.numpy().tobytes() for image in full.test_images}


def test_the_fallback_for_missing_data_warns_and_has_its_own_name(offline, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        source = load("mnist", tmp_path / "none", fallback=True)
    assert source.name == "mnist_5k"
    assert "FALLBACK" in caplog.text
    assert "mnist_5k" in caplog.text


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_without_fallback_missing_data_are_an_error_and_no_folder_is_created(offline, tmp_path, name):
    root = tmp_path / "none"
    with pytest.raises(UserError, match="cannot be downloaded") as raised:
        load(name, root, fallback=False)
    assert "JLML_DATA" in str(raised.value)
    assert not root.exists()


def corrupt(raw, name: str, change) -> None:
    file = raw / f"{name}.gz"
    plain = bytearray(gzip.decompress(file.read_bytes()))
    file.unlink()
    (raw / name).write_bytes(change(plain))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-100], "truncated"),
        (lambda data: data[:500] + b"\x07" + data[501:], "it differs"),
    ],
)
def test_damaged_files_are_an_error_even_with_a_fallback(mnist_root, tmp_path, change, message):
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(mnist_root / "MNIST" / "raw", raw)
    corrupt(raw, "t10k-images-idx3-ubyte", change)
    with pytest.raises(UserError, match=message) as raised:
        load("mnist", tmp_path, fallback=True)
    assert "t10k-images-idx3-ubyte" in str(raised.value)


def test_swapped_files_are_recognised(mnist_root, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(mnist_root / "MNIST" / "raw", raw)
    shutil.copy(raw / "t10k-labels-idx1-ubyte.gz", raw / "train-labels-idx1-ubyte.gz")
    with pytest.raises(UserError, match="it has the content of t10k-labels-idx1-ubyte"):
        load("mnist", tmp_path)


def test_files_downloaded_by_torchvision_are_read(monkeypatch, mnist_root, tmp_path):
    """The download is simulated: it copies files to where torchvision puts them."""
    from torchvision.datasets import MNIST

    def fetch(self):
        shutil.copytree(mnist_root / "MNIST" / "raw", self.raw_folder)
        for file in list((tmp_path / "new" / "MNIST" / "raw").glob("*.gz")):
            file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))

    monkeypatch.setattr(MNIST, "download", fetch)
    assert len(mnist.load("mnist", tmp_path / "new").images) == 60_000


def test_every_data_set_has_four_checksums():
    for dataset in IDX_DATASETS.values():
        assert len(set(dataset.checksums.values())) == 4
