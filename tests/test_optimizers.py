"""FusedAdam does what torch's does, in its own way where it can, in torch's where it cannot."""

from io import BytesIO

import pytest
import torch
from same import leaves, same
from torch import nn

from jlml.optimizers import FusedAdam


def net(dtype=torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(33, 17), nn.ReLU(), nn.Linear(17, 130), nn.Linear(130, 1, bias=False)).to(
        dtype
    )


def train(model, optimizer, steps=20, first=0):
    """Every fifth step leaves a layer without gradient, and the learning rate falls."""
    for step in range(first, first + steps):
        random = torch.Generator().manual_seed(step)
        images = torch.rand(16, 33, generator=random).to(model[0].weight.dtype)
        optimizer.zero_grad()
        hidden = model[:3](images)
        (hidden.square().sum() if step % 5 == 4 else model[3](hidden).square().sum()).backward()
        optimizer.param_groups[0]["lr"] *= 0.98
        optimizer.step()


def assert_equal(one, other):
    """Two models, or two optimizers, hold the same to the last bit."""
    first, second = (dict(leaves(it.state_dict())) for it in (one, other))
    assert first.keys() == second.keys()
    assert [name for name in first if not same(first[name], second[name])] == []


@pytest.fixture
def counted(monkeypatch):
    """Steps that torch's own Adam takes."""
    calls, step = [], torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda *given: calls.append(1) or step(*given))
    return calls


@pytest.mark.parametrize("words", [{}, {"weight_decay": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}])
def test_weights_and_state_are_torchs_bit_for_bit(words, counted):
    ours, theirs = net(), net()
    fused = FusedAdam(ours.parameters(), fused=True, **words)
    train(ours, fused)
    assert len(counted) == 1  # the first step makes the state
    adam = torch.optim.Adam(theirs.parameters(), fused=True, **words)
    train(theirs, adam)
    assert_equal(ours, theirs)
    assert_equal(fused, adam)


@pytest.mark.parametrize(("first", "second"), [(FusedAdam, torch.optim.Adam), (torch.optim.Adam, FusedAdam)])
def test_one_goes_on_from_the_state_of_the_other(first, second):
    whole, cut = net(), net()
    train(whole, torch.optim.Adam(whole.parameters(), fused=True))
    before = first(cut.parameters(), fused=True)
    train(cut, before, steps=9)
    after = second(cut.parameters(), fused=True)
    file = BytesIO()
    torch.save(before.state_dict(), file)
    file.seek(0)
    after.load_state_dict(torch.load(file, weights_only=True))
    train(cut, after, steps=11, first=9)
    assert_equal(whole, cut)


def test_groups_keep_their_own_options(counted):
    def of(kind, model):
        groups = [{"params": model[:3].parameters(), "lr": 1e-2}, {"params": model[3].parameters()}]
        return kind(groups, lr=1e-3, weight_decay=0.01, fused=True)

    ours, theirs = net(), net()
    train(ours, of(FusedAdam, ours))
    assert len(counted) == 5  # the first, and those in which the second group has no gradient
    train(theirs, of(torch.optim.Adam, theirs))
    assert_equal(ours, theirs)


@pytest.mark.parametrize(
    "words", [{"amsgrad": True}, {"maximize": True}, {"decoupled_weight_decay": True}, {"fused": False}]
)
def test_what_the_plain_kernel_does_not_do_is_left_to_torch(words, counted):
    words = {"fused": True, "weight_decay": 0.1} | words
    ours, theirs = net(), net()
    train(ours, FusedAdam(ours.parameters(), **words))
    assert len(counted) == 20
    train(theirs, torch.optim.Adam(theirs.parameters(), **words))
    assert_equal(ours, theirs)


def test_double_precision_and_closures_are_left_to_torch(counted):
    ours, theirs = net(torch.float64), net(torch.float64)
    train(ours, FusedAdam(ours.parameters(), fused=True))
    assert len(counted) == 20
    train(theirs, torch.optim.Adam(theirs.parameters(), fused=True))
    assert_equal(ours, theirs)

    weight = nn.Parameter(torch.ones(3))
    optimizer = FusedAdam([weight], fused=True)

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert [optimizer.step(closure).item() for _ in range(2)] == [3.0, pytest.approx(3, abs=0.01)]


def test_hooks_and_schedules_see_every_step():
    model, seen = net(), []
    optimizer = FusedAdam(model.parameters(), lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.register_step_post_hook(lambda *_: seen.append(optimizer.param_groups[0]["lr"]))
    for _ in range(3):
        model(torch.ones(1, 33)).sum().backward()
        optimizer.step()
        schedule.step()
    assert seen[-2:] == [0.5e-3, 0.25e-3]
