"""Shared batches: together the processes see what one alone would, each image once."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jlml.data import MNISTDataModule
from jlml.data.shards import Shard
from jlml.metrics import RunningMean


@given(images=st.integers(1, 100), processes=st.integers(2, 20))
def test_parts_split_a_batch_evenly(images, processes):
    rows = torch.arange(images)
    parts = [Shard(rank, processes).part(images).of(rows) for rank in range(processes)]
    assert torch.equal(torch.cat(parts), rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_has_every_batch_to_itself():
    assert Shard().part(7) is None


@pytest.fixture
def loaders(data_root, monkeypatch):
    """The training, validation and test batches as each of so many processes sees them."""

    def build(pixels: str, processes: int):
        data = MNISTDataModule("mnist_5k", str(data_root), pixels=pixels, batch_size=64, subset=129,
                               eval_batch_size=32)  # fmt: skip
        data.setup()
        for rank in range(processes):
            monkeypatch.setattr(data, "_shard", partial(Shard, rank, processes))
            yield (
                data.train_dataloader().batches,
                data.val_dataloader().__iter__,
                data.test_dataloader().__iter__,
            )

    return build


@pytest.mark.parametrize("pixels", ["grey", "dequantized", "binarized"])
def test_processes_together_see_every_batch_of_one_alone(loaders, pixels):
    """129 images in batches of 64 and of 32: the last holds one, which one of three processes gets."""
    (alone,) = loaders(pixels, 1)
    shared = list(loaders(pixels, 3))
    for split, batches in enumerate(alone):
        for (images, labels), *parts in zip(
            batches(), *(of_rank[split]() for of_rank in shared), strict=True
        ):
            assert torch.equal(torch.cat([part[0] for part in parts]), images)
            assert torch.equal(torch.cat([part[1] for part in parts]), labels)
            assert {part[2].images for part in parts} == {len(images)}


@pytest.mark.parametrize("images", [1, 2, 7])
def test_the_average_of_the_processes_is_the_mean_of_the_batch(images):
    weight, losses = torch.ones(()).requires_grad_(), torch.rand(images)
    (mean,) = torch.autograd.grad((weight * losses).mean(), weight)
    gradients = []
    for rank in range(3):
        part = Shard(rank, 3).part(images)
        gradients += torch.autograd.grad(part.mean(weight * part.of(losses)), weight)
    assert torch.stack(gradients).mean() == pytest.approx(mean.item(), rel=1e-6)


def test_means_are_over_the_images_of_all_processes():
    first, second = RunningMean(), RunningMean()
    first.update({"x": torch.tensor([1.0, 2.0, 3.0]), "y": torch.tensor([5.0])})
    second.update({"x": torch.tensor([10.0]), "y": torch.tensor([])})
    sent = []
    second.means(lambda sums: sent.append(sums) or sums)
    assert first.means(lambda sums: sums + sent[0]) == {"x": 4.0, "y": 5.0}
    first.clear()
    assert first.means(lambda sums: sums) == {}
