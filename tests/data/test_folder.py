"""A folder of image files becomes a data set: any format, size and colour, kept for the next run."""

import shutil
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from jlml.data import FolderDataModule
from jlml.data.image_files import MOST_PIXELS, read_image
from jlml.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JLML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path):
    """Two classes of grey 12 x 10 images, each filled with its number."""
    folder = tmp_path / "shapes"
    for number, name in enumerate(("circle", "star")):
        (folder / name).mkdir(parents=True)
        for image in range(15):
            save(np.full((12, 10), 20 * number + image), folder / name / f"{image:02}.png")
    return folder


def save(pixels, path, **options):
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path, **options)


def opened(root, **options):
    data = FolderDataModule(root=str(root), **options)
    data.setup()
    return data


def test_sub_folders_are_classes(root):
    data = opened(root)
    assert data.source.name == "shapes"
    assert data.class_names == ("circle", "star")
    assert data.image_shape == (1, 12, 10)
    assert [len(data.train_labels), len(data.validation_labels), len(data.test_labels)] == [24, 3, 3]
    everything = torch.cat([data.train_images, data.validation_images, data.test_images])[:, 0, 0, 0]
    labels = torch.cat([data.train_labels, data.validation_labels, data.test_labels])
    assert sorted(everything.tolist()) == [*range(15), *range(20, 35)]
    assert torch.equal(labels, (everything >= 20).long())


def test_sizes_of_the_splits_can_be_chosen(root):
    data = opened(root, validation_size=7, test_size=0.5)
    assert [len(data.train_labels), len(data.validation_labels), len(data.test_labels)] == [8, 7, 15]


def test_folders_train_and_test_are_kept_apart(root, tmp_path, caplog):
    own = tmp_path / "own"
    for part in ("train", "test", "val"):
        (own / part).mkdir(parents=True)
    (root / "circle").rename(own / "train" / "circle")
    (root / "star").rename(own / "train" / "star")
    for name in ("star", "circle"):
        (own / "test" / name).mkdir()
        save(np.full((12, 10), 99), own / "test" / name / "one.png")
    data = opened(own)
    assert data.test_images.unique().tolist() == [99]
    assert data.test_labels.tolist() == [0, 1]
    assert len(data.train_labels) + len(data.validation_labels) == 30
    assert "val is not read" in caplog.text
    with pytest.raises(
        UserError, match="data.test_size=0.1 is invalid: own has its own test set of 2 images"
    ):
        opened(own, test_size=0.1)
    shutil.rmtree(own / "test" / "circle")
    assert opened(own).test_labels.tolist() == [1]  # a single class of known ones stays a class
    (own / "test" / "moon").mkdir()
    save(np.zeros((12, 10)), own / "test" / "moon" / "one.png")
    with pytest.raises(UserError, match="has classes that .*train lacks: moon"):
        opened(own)


def test_images_without_classes(root, tmp_path):
    data = opened(root / "circle")
    assert data.class_names == ()
    assert data.train_labels.unique().tolist() == [-1]
    assert opened(tmp_path / "shapes" / "..", image_size=8).class_names == ()  # the cache has no images


def test_files_are_read_again_only_if_one_has_changed(root, cache, monkeypatch):
    first = opened(root)
    monkeypatch.setattr("jlml.data.folder.read_image", None)  # raises if it is called
    assert torch.equal(opened(root).train_images, first.train_images)
    monkeypatch.undo()
    monkeypatch.setenv("JLML_CACHE", str(cache))
    save(np.full((12, 10), 200), root / "star" / "00.png")
    changed = opened(root)
    assert changed.source.fingerprint != first.source.fingerprint
    assert len(list(cache.iterdir())) == 1
    next(cache.iterdir()).write_bytes(b"damaged")
    assert opened(root).source.fingerprint == changed.source.fingerprint


def test_a_moved_folder_has_the_same_fingerprint(root, tmp_path):
    before = opened(root).source.fingerprint
    root.rename(tmp_path / "elsewhere")
    assert opened(tmp_path / "elsewhere").source.fingerprint == before


def test_a_colour_image_makes_all_images_colour_unless_told_otherwise(root):
    save(np.zeros((12, 10, 3)), root / "star" / "red.jpg")
    assert opened(root).image_shape == (3, 12, 10)
    assert opened(root, channels=1).image_shape == (1, 12, 10)


def test_sizes_that_differ_need_one_size(root):
    save(np.zeros((30, 20)), root / "star" / "large.png")
    with pytest.raises(UserError, match=r"00.png has 12 x 10 pixels, .*large.png 30 x 20. Choose one size"):
        opened(root)
    assert opened(root, image_size=16, fit="crop").image_shape == (1, 16, 16)


def test_files_are_turned_scaled_and_laid_on_a_background(tmp_path):
    tall = np.zeros((4, 2), dtype=np.uint8)
    tall[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # rows are columns, from the right
    Image.fromarray(tall).save(tmp_path / "turned.png", exif=exif)
    assert read_image(tmp_path / "turned.png", 1)[0].tolist() == [[0, 0, 0, 255]] * 2

    deep = np.array([[0, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert read_image(tmp_path / "deep.png", 1)[0].tolist() == [[0, 128, 255]]

    clear = np.zeros((1, 2, 4), dtype=np.uint8)
    clear[0, 1] = (200, 100, 50, 255)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert read_image(tmp_path / "clear.png", 3, background=255)[:, 0].T.tolist() == [
        [255] * 3,
        [200, 100, 50],
    ]
    assert read_image(tmp_path / "clear.png", 1, background=255)[0, 0, 0] == 255

    Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P").save(tmp_path / "palette.gif")
    assert read_image(tmp_path / "palette.gif", 3).shape == (3, 1, 2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.png", b"no image", "text.png cannot be read as an image"),
        ("cut.jpg", "cut", "cut.jpg cannot be read as an image"),
        ("huge.png", "huge", "huge.png has more than the 67,108,864 pixels that jlml reads"),
    ],
)
def test_files_that_cannot_be_read_are_named(root, name, content, message):
    path = root / "star" / name
    if content == "cut":
        save(np.random.default_rng(0).integers(0, 256, (12, 10)), path)
        content = path.read_bytes()[:-60]
    elif content == "huge":  # a header of 10 billion pixels
        save(np.zeros((1, 1)), path)
        head = bytearray(path.read_bytes())
        head[16:24] = (100_000).to_bytes(4, "big") * 2
        head[29:33] = zlib.crc32(head[12:29]).to_bytes(4, "big")
        content = bytes(head)
        assert MOST_PIXELS < 100_000**2
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        opened(root)


def test_folders_that_are_no_data_are_refused(root, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="data=folder needs the folder of the images: data.root=<folder>"):
        FolderDataModule()
    with pytest.raises(UserError, match="data.root=.*nowhere is not a folder"):
        opened(tmp_path / "nowhere")
    (tmp_path / "empty" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match="empty contains no images: expected files that end in .png"):
        opened(tmp_path / "empty")
    for image in (*(root / "circle").iterdir(), *list((root / "star").iterdir())[2:]):
        image.unlink()
    with pytest.raises(UserError, match="shapes has 1 images to draw from, so 1 of them cannot be split off"):
        opened(root)
    monkeypatch.setattr("os.sysconf", lambda name: 1)
    with pytest.raises(UserError, match="2 images of 8 x 8 pixels in .* would take .* GB in memory"):
        opened(root, image_size=8)
