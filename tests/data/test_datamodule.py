"""Splits and batches. Every random draw depends only on the seed."""

import pytest
import torch

from jlml.data import ImageDataModule, MNISTDataModule, Source
from jlml.data.batches import TrainingBatches
from jlml.data.split import stratified_draw
from jlml.errors import UserError


@pytest.fixture
def module(data_root):
    def build(**options):
        data = MNISTDataModule(**{"name": "mnist_5k", "root": str(data_root)} | options)
        data.setup()
        return data

    return build


def fingerprints(images):
    return [hash(image.numpy().tobytes()) for image in images]


def test_mnist_5k_is_split_4000_500_500_stratified_and_without_overlap(module):
    data = module()
    splits = [(data.train_images, data.train_labels), (data.validation_images, data.validation_labels),
              (data.test_images, data.test_labels)]  # fmt: skip
    assert [len(images) for images, _ in splits] == [4000, 500, 500]
    assert [labels.bincount().tolist() for _, labels in splits] == [[400] * 10, [50] * 10, [50] * 10]
    everything = [fingerprint for images, _ in splits for fingerprint in fingerprints(images)]
    assert len(set(everything)) == len(set(fingerprints(torch.cat([images for images, _ in splits]))))
    assert len(everything) == 5000


def test_full_mnist_is_split_55000_5000_10000(mnist_root):
    data = MNISTDataModule(root=str(mnist_root))
    data.setup()
    sizes = [len(labels) for labels in (data.train_labels, data.validation_labels, data.test_labels)]
    assert sizes == [55_000, 5_000, 10_000]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]  # the published test set in its order
    share = data.validation_labels.bincount() / 5000 - (
        torch.cat([data.train_labels, data.validation_labels]).bincount() / 60000
    )
    assert share.abs().max() < 3e-4


def test_the_split_depends_on_the_seed(module):
    first, again, other = module(seed=1), module(seed=1), module(seed=2)
    assert torch.equal(first.validation_images, again.validation_images)
    assert not torch.equal(first.validation_images, other.validation_images)


@pytest.mark.parametrize("pixels", ["grey", "dequantized", "binarized"])
def test_training_draws_depend_only_on_seed_and_epoch(module, pixels):
    data = module(pixels=pixels, subset=200)

    def epoch(number: int, seed: int = 0):
        batches = TrainingBatches(data.train_images, data.train_labels, 64, pixels, seed, lambda: number)
        images, labels = zip(*batches, strict=True)
        return torch.cat(images), torch.cat(labels)

    images, labels = epoch(3)
    torch.rand(7)  # the state of the global generator has no effect
    assert torch.equal(epoch(3)[0], images)
    assert not torch.equal(epoch(4)[0], images)
    assert not torch.equal(epoch(3, seed=1)[0], images)
    assert labels.bincount().tolist() == data.train_labels.bincount().tolist()
    assert sorted(epoch(4)[1].tolist()) == sorted(labels.tolist())


@pytest.mark.parametrize("pixels", ["dequantized", "binarized"])
def test_validation_and_test_pixels_are_drawn_once(module, pixels):
    data = module(pixels=pixels, subset=50, eval_batch_size=20)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        first, second = (torch.cat([images for images, _ in loader]) for _ in range(2))
        assert torch.equal(first, second)
    assert torch.equal(module(pixels=pixels, subset=50).test_images, data.test_images)
    assert not torch.equal(module(pixels=pixels, subset=50, seed=5).test_images, data.test_images)


def test_batches_contain_every_image_once_and_the_last_batch_is_smaller(module):
    data = module(subset=150, batch_size=64, eval_batch_size=64)
    for batches in (data.train_dataloader(), data.val_dataloader()):
        assert [len(labels) for _, labels in batches] == [64, 64, 22]
        images = torch.cat([images for images, _ in batches])
        assert images.dtype == torch.float32
        assert 0 <= images.min() <= images.max() <= 1
    assert len(data.val_dataloader()) == 3


def test_a_resumed_epoch_has_only_the_remaining_batches(module):
    data = module(subset=130, pixels="binarized")
    arguments = (data.train_images, data.train_labels, 30, "binarized", 0, lambda: 1)
    complete = list(TrainingBatches(*arguments))
    rest = list(TrainingBatches(*arguments, done=lambda: 2))
    assert len(rest) == 3
    for (images, labels), (expected, their_labels) in zip(rest, complete[2:], strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(labels, their_labels)


class Flags(ImageDataModule):
    """A user's data set: colour images, two classes, missing labels, known factors, no test set."""

    def read(self):
        images = torch.randint(256, (200, 3, 6, 5), dtype=torch.uint8)
        labels = torch.arange(200) % 3 - 1  # -1, a missing label, for a third of the images
        factors = torch.arange(400.0).reshape(200, 2)
        return Source("flags", images, labels, ("one", "two"), "v1", factors=factors, factor_names=("a", "b"))


def test_a_users_data_set_needs_only_a_read_method():
    data = Flags(batch_size=50)
    data.setup()
    assert data.image_shape == (3, 6, 5)
    assert [len(labels) for labels in (data.train_labels, data.validation_labels, data.test_labels)] == [
        160,
        20,
        20,
    ]
    assert data.test_labels.unique().tolist() == [-1, 0, 1]
    assert data.class_names == ("one", "two")
    together = torch.cat([data.train_factors, data.validation_factors, data.test_factors])
    assert sorted(together[:, 0].tolist()) == list(range(0, 400, 2))
    images, _ = next(iter(data.train_dataloader()))
    assert images.shape == (50, 3, 6, 5)
    assert images.max() <= 1


def test_image_size_and_subset_are_applied(module):
    assert module().image_shape == (1, 28, 28)
    assert module(image_size=32).image_shape == (1, 32, 32)
    assert module(image_size=14, fit="resize").image_shape == (1, 14, 14)
    assert len(module(subset=4000).train_labels) == 4000
    assert len(module(subset=7).test_labels) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": 4001}, "data.subset=4001 is invalid: mnist_5k has 4000 training images"),
        ({"name": "mnist_6k"}, "Did you mean mnist_5k? Choose one of: mnist, fashion_mnist, mnist_5k."),
        ({"fallback": True}, "data.fallback=true is invalid for mnist_5k"),
    ],
)
def test_invalid_options_are_refused(module, options, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        module(**options)


def test_a_stratified_draw_is_proportional_and_depends_on_the_generator():
    labels = torch.arange(3).repeat_interleave(torch.tensor([600, 300, 100]))
    first = stratified_draw(labels, 100, torch.Generator().manual_seed(0))
    other = stratified_draw(labels, 100, torch.Generator().manual_seed(1))
    assert labels[first].bincount().tolist() == [60, 30, 10]
    assert len(first.unique()) == 100
    assert len(set(first.tolist()) & set(other.tolist())) < 30


def test_without_a_root_the_data_are_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("JLML_DATA", str(tmp_path))
    assert MNISTDataModule().root == tmp_path
    monkeypatch.setenv("JLML_DATA", "")
    assert str(MNISTDataModule().root) == "data"


@pytest.mark.parametrize(
    ("root", "fallback", "allowed"),
    [("data", None, True), ("mine", None, False), ("mine", True, True), ("data", False, False)],
)
def test_only_the_default_root_falls_back_by_itself(root, fallback, allowed):
    assert MNISTDataModule(root=root, fallback=fallback).fallback is allowed
