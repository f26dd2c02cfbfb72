"""The cache of tensors: used while nothing has changed, and never believed otherwise."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from jlml.data.cache import cached
from jlml.data.sources import load


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("JLML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Reader:
    """Reads files of bytes, and counts how often."""

    def __init__(self, *files: Path) -> None:
        self.files = files
        self.times = 0

    def read(self) -> list[torch.Tensor]:
        self.times += 1
        return [torch.tensor(list(file.read_bytes()), dtype=torch.uint8) for file in self.files]

    def contents(self) -> list[bytes]:
        return [bytes(tensor.tolist()) for tensor in cached(self.files, self.read)]


@pytest.fixture
def reader(tmp_path) -> Reader:
    for name, content in (("a", b"first"), ("b", b"second")):
        (tmp_path / name).write_bytes(content)
    return Reader(tmp_path / "a", tmp_path / "b")


def test_files_are_read_once(reader, folder):
    assert [reader.contents() for _ in range(3)] == [[b"first", b"second"]] * 3
    assert reader.times == 1
    assert [file.suffix for file in folder.iterdir()] == [".pt"]  # and nothing half-written beside it
    assert folder.stat().st_mode & 0o077 == 0


def test_changed_files_are_read_again(reader):
    reader.contents()
    file = reader.files[0]
    before = file.stat()
    file.write_bytes(b"other")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # the same size and, it claims, the same time
    assert reader.contents() == [b"other", b"second"]
    file.write_bytes(b"longer than before")
    assert reader.contents() == [b"longer than before", b"second"]
    assert reader.times == 3


def test_files_of_another_folder_have_a_cache_of_their_own(reader, tmp_path):
    reader.contents()
    (tmp_path / "elsewhere").write_bytes(b"third")
    other = Reader(tmp_path / "elsewhere")
    assert [other.contents(), reader.contents(), other.contents()] == [
        [b"third"],
        [b"first", b"second"],
        [b"third"],
    ]
    assert reader.times == other.times == 1


def test_a_flipped_bit_anywhere_gives_no_wrong_tensor_and_a_new_cache(reader, folder):
    reader.contents()
    (place,) = folder.iterdir()
    good = place.read_bytes()
    at = good.index(b"second")
    noticed = 0
    for position in (*range(0, len(good), 41), at):
        damaged = bytearray(good)
        damaged[position] ^= 1
        place.write_bytes(damaged)
        times = reader.times
        assert reader.contents() == [b"first", b"second"]
        noticed += reader.times - times
    assert noticed > 10
    assert reader.times - times == 1  # the bit in the tensor itself, of which torch says nothing
    for damaged in (b"", b"not a zip", good[: len(good) // 2]):
        place.write_bytes(damaged)
        assert reader.contents() == [b"first", b"second"]
    assert place.read_bytes() == good


def test_a_hostile_cache_runs_nothing(reader, folder, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    reader.contents()
    (place,) = folder.iterdir()
    harmful = {"seen": torch.load(place)["seen"], "sums": [], "tensors": Hostile()}
    torch.save(harmful, place)
    assert reader.contents() == [b"first", b"second"]
    place.write_bytes(pickle.dumps(harmful))
    assert reader.contents() == [b"first", b"second"]
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [None, [], {"seen": 1}, {"seen": [], "sums": [], "tensors": 3}])
def test_something_else_in_its_place_is_replaced(reader, folder, content):
    reader.contents()
    (place,) = folder.iterdir()
    torch.save(content, place)
    assert [reader.contents() for _ in range(2)] == [[b"first", b"second"]] * 2
    assert reader.times == 2


def test_without_a_folder_to_write_to_there_is_no_cache(reader, folder, monkeypatch):
    folder.write_text("a file stands where the folder would be")
    assert [reader.contents() for _ in range(2)] == [[b"first", b"second"]] * 2
    assert reader.times == 2
    monkeypatch.delenv("JLML_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert reader.contents() == [b"first", b"second"]


def test_full_mnist_is_the_same_from_the_cache_and_leaves_nothing_beside_the_data(mnist_root, folder):
    before = sorted(mnist_root.rglob("*"))
    first, second = load("mnist", mnist_root), load("mnist", mnist_root)
    assert len(list(folder.iterdir())) == 1
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.test_labels, second.test_labels)
    assert (second.images.dtype, second.labels.dtype) == (torch.uint8, torch.int64)
    assert sorted(mnist_root.rglob("*")) == before
