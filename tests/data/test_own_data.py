"""Other data sets: NumPy files, torchvision's sets, scikit-learn's digits, and generated sprites."""

import hashlib
import pickle

import numpy as np
import pytest
import torch

from jlml.data import Digits8DataModule, NpzDataModule, SpritesDataModule, TorchvisionDataModule
from jlml.data.npz import as_bytes
from jlml.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (40, 6, 5), dtype=np.uint8)


def opened(kind, **options):
    data = kind(**options)
    data.setup()
    return data


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "mine.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (GREY, (1, 6, 5)),
        (GREY[..., None], (1, 6, 5)),
        (GREY[:, None], (1, 6, 5)),
        (RANDOM.integers(0, 256, (40, 6, 5, 3)), (3, 6, 5)),
        (RANDOM.integers(0, 256, (40, 3, 6, 5)), (3, 6, 5)),
    ],
)
def test_arrays_of_any_usual_shape(npz, images, shape):
    data = opened(NpzDataModule, path=npz(images=images))
    assert data.image_shape == shape
    assert data.source.name == "mine"
    assert data.class_names == ()
    assert data.train_labels.unique().tolist() == [-1]


def test_pixels_of_any_type_become_the_same_bytes():
    expected = as_bytes(GREY, "images")
    for same in (GREY / 255, GREY.astype(np.int64), GREY.astype(np.uint16) * 257, (GREY / 255).astype("f4")):
        assert torch.equal(as_bytes(same, "images"), expected)
    assert as_bytes(GREY > 100, "images").unique().tolist() == [0, 255]


def test_labels_names_factors_and_a_test_set(npz):
    labels, factors = np.arange(40) % 3 - 1, np.arange(80.0).reshape(40, 2)
    path = npz(
        **{"images": GREY, "labels": labels, "class_names": ["one", "two"], "factors": factors},
        **{"test_images": GREY[:7], "test_labels": labels[:7], "test_factors": factors[:7]},
        factor_names=["a", "b"],
    )
    data = opened(NpzDataModule, path=path)
    assert data.class_names == ("one", "two")
    assert data.test_labels.tolist() == labels[:7].tolist()
    assert torch.equal(data.test_factors, torch.from_numpy(factors[:7]).float())
    assert data.source.factor_names == ("a", "b")
    texts = opened(NpzDataModule, path=npz(images=GREY, labels=np.array(["b", "a"] * 20)))
    assert texts.class_names == ("a", "b")
    assert texts.source.labels[:2].tolist() == [1, 0]
    assert data.source.fingerprint != texts.source.fingerprint


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": GREY}, "mine.npz has no array images, only image. Did you mean image?"),
        ({"images": GREY[0]}, "images have the shape (6, 5), expected N x H x W"),
        ({"images": GREY / 100}, "images have the type float64 and values from 0 to 2.55, expected integers"),
        ({"images": GREY / 255 * np.nan}, "images have the type float64 and values from nan to nan"),
        ({"images": GREY.astype(int) - 5}, "images have the type int64 and values from -5 to 250"),
        ({"images": np.zeros((4, 2, 2, 4))}, "images have the shape (4, 2, 2, 4), expected"),
        ({"images": GREY * 1j}, "images have the type complex128, expected numbers"),
        ({"images": GREY, "labels": np.zeros(3, int)}, "labels have the shape (3,) and the type int64"),
        ({"images": GREY, "labels": np.zeros(40)}, "labels have the shape (40,) and the type float64"),
        ({"images": GREY, "labels": np.full(40, -2)}, "labels are from -2 to -2"),
        ({"images": GREY, "test_images": GREY[:, :3]}, "images have the shape (1, 6, 5), and test_"),
        ({"images": GREY, "factors": np.zeros(40)}, "factors have the shape (40,)"),
        ({"images": GREY, "factors": np.zeros((40, 2)), "factor_names": ["a"]}, "differ in their number"),
        ({"images": np.array([{}], dtype=object)}, "mine.npz cannot be read as an .npz file"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_images_are_refused(npz, arrays, message):
    with pytest.raises(UserError) as error:
        opened(NpzDataModule, path=npz(**arrays))
    assert message.removesuffix("Did you mean image?") in str(error.value)


def test_files_that_are_no_arrays_are_refused(npz, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="data=npz needs the file of the images: data.path=<file.npz>"):
        NpzDataModule()
    with pytest.raises(UserError, match="data.path=.*none.npz is not a file"):
        opened(NpzDataModule, path=str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(UserError, match="text.npz cannot be read as an .npz file"):
        opened(NpzDataModule, path=str(tmp_path / "text.npz"))
    path = npz(images=GREY)
    monkeypatch.setattr("os.sysconf", lambda name: 1)
    with pytest.raises(UserError, match="The arrays of .* would take .* GB in memory"):
        opened(NpzDataModule, path=path)


def write_idx(path, values):
    head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + values.astype(np.uint8).tobytes())


def test_kmnist_in_torchvisions_layout(tmp_path):
    for part, count in (("train", 30), ("t10k", 12)):
        raw = tmp_path / "KMNIST" / "raw"
        write_idx(raw / f"{part}-images-idx3-ubyte", np.full((count, 28, 28), 7))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    data = opened(TorchvisionDataModule, dataset="KMNIST", root=str(tmp_path))
    assert data.source.name == "kmnist"
    assert [len(data.train_labels), len(data.validation_labels), len(data.test_labels)] == [18, 12, 12]
    assert len(data.class_names) == 10
    assert not data.source.is_mnist


def test_emnist_is_upright(tmp_path):
    image = np.zeros((28, 28))
    image[3] = 255  # a row as it is stored is a column
    for part, count in (("train", 30), ("test", 12)):
        raw = tmp_path / "EMNIST" / "raw"
        write_idx(raw / f"emnist-letters-{part}-images-idx3-ubyte", np.stack([image] * count))
        write_idx(raw / f"emnist-letters-{part}-labels-idx1-ubyte", np.arange(count) % 26 + 1)
    data = opened(TorchvisionDataModule, dataset="EMNIST", options={"split": "letters"}, root=str(tmp_path))
    assert data.source.name == "emnist-letters"
    assert data.test_images[0, 0, :, 3].unique().tolist() == [255]
    assert data.class_names[1] == "a"


def test_cifar10_in_torchvisions_layout(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(count):
        return {
            "data": RANDOM.integers(0, 256, (count, 3072), dtype=np.uint8),
            "labels": [*range(10)] * (count // 10),
        }

    monkeypatch.setattr(CIFAR10, "train_list", [write(f"data_batch_{n}", batch(20)) for n in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [write("test_batch", batch(10))])
    names = [f"kind {n}" for n in range(10)]
    filename, md5 = write("batches.meta", {"label_names": names})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": filename, "key": "label_names", "md5": md5})
    data = opened(TorchvisionDataModule, dataset="CIFAR10", root=str(tmp_path))
    assert data.image_shape == (3, 32, 32)
    assert [len(data.train_labels), len(data.test_labels)] == [90, 10]
    assert data.class_names == tuple(names)
    assert torch.equal(data.source.images[0], torch.from_numpy(CIFAR10(tmp_path).data[0]).permute(2, 0, 1))


def test_svhn_in_torchvisions_layout(tmp_path, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    split_list = {}
    for part, count in (("train", 30), ("test", 10)):
        pixels = RANDOM.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        path = tmp_path / f"{part}_32x32.mat"
        savemat(path, {"X": pixels, "y": np.arange(count)[:, None] % 10 + 1})
        split_list[part] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(SVHN, "split_list", split_list)
    data = opened(TorchvisionDataModule, dataset="SVHN", root=str(tmp_path))
    assert data.image_shape == (3, 32, 32)
    assert data.test_labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_sets_of_torchvision_that_cannot_be_had(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="data=torchvision needs a data set"):
        TorchvisionDataModule()
    with pytest.raises(
        UserError, match="data.dataset=KMNIS is not a class of torchvision.datasets. Did you mean KMNIST?"
    ):
        opened(TorchvisionDataModule, dataset="KMNIS", root=str(tmp_path))

    def fail(*arguments, **options):
        raise RuntimeError("Error downloading")

    monkeypatch.setattr("torchvision.datasets.KMNIST.download", fail)
    with pytest.raises(UserError, match="KMNIST is not complete in .* and cannot be downloaded"):
        opened(TorchvisionDataModule, dataset="KMNIST", root=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    with pytest.raises(UserError, match="data.options do not fit EMNIST"):
        opened(TorchvisionDataModule, dataset="EMNIST", options={"split": "words"}, root=str(tmp_path))
    images = opened(TorchvisionDataModule, dataset="FakeData", options={"size": 40, "image_size": [3, 8, 9]})
    assert images.image_shape == (3, 8, 9)


def test_digits8_needs_no_download():
    data = opened(Digits8DataModule)
    assert data.image_shape == (1, 8, 8)
    assert len(data.source.images) == 1797
    assert data.source.images.max() == 255
    assert data.source.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_sprites_are_drawn_from_their_factors():
    data = opened(SpritesDataModule, images=600)
    factors = dict(zip(data.source.factor_names, data.source.factors.T, strict=True))
    images = data.source.images[:, 0].double() / 255
    mass = images.sum((1, 2))
    grid = (torch.arange(32) + 0.5) / 32
    x, y = (images * grid).sum((1, 2)) / mass, (images * grid[:, None]).sum((1, 2)) / mass
    symmetric = factors["shape"] < 2  # the centre of a triangle's bounding circle is its centre, too
    assert (x - factors["x"]).abs().max() < 0.01
    assert (y - factors["y"])[symmetric].abs().max() < 0.01
    assert images[:, [0, -1]].max() == 0  # no shape is cut off
    assert images[:, :, [0, -1]].max() == 0
    for shape, area in enumerate((1.8**2, 3.1416 * 1.25 * 0.7, 1.2**2 * 1.299)):
        of_shape = factors["shape"] == shape
        assert of_shape.sum() > 100
        ratio = mass / 32**2 / (area * factors["size"] ** 2)
        assert (ratio[of_shape] - 1).abs().max() < 0.08
    assert torch.equal(opened(SpritesDataModule, images=600, seed=3).source.images, data.source.images)
