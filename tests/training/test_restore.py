"""A training state that this run could not have saved is refused in one sentence, and no file changes."""

import shutil
from pathlib import Path

import pytest
import torch
from lightning import Callback
from same import differences, folder_contents
from torch.optim import SGD

import jlml
from conftest import QUICK
from jlml.errors import UserError
from jlml.runs import Run
from jlml.training.resume import resume

SMALL = (
    *(override for override in QUICK if not override.startswith("callbacks")),
    *(
        "callbacks=none",
        "model=vae",
        "model.hidden=[8]",
        "trainer.log_every_n_steps=3",
        "checkpoints.steps=1",
    ),
)


class Cut(Callback):
    """Interrupts a run in the middle of its second epoch, and of a logging window."""

    def on_train_batch_end(self, trainer, *_) -> None:
        if trainer.global_step == 9:
            raise KeyboardInterrupt


def train(path, *overrides, progress=()):
    return jlml.train(jlml.compose(*SMALL, *overrides), run=Run.at(path), progress=progress)


def cut_off(path, *overrides):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(path, *overrides, progress=[Cut()])
    return path


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, data_root):
    parent = tmp_path_factory.mktemp("restore")
    return cut_off(parent / "run", f"data.root={data_root}", "scheduler=plateau", "early_stopping=5")


@pytest.fixture
def copy(interrupted, tmp_path):
    return shutil.copytree(interrupted, tmp_path / "run")


def rewrite(folder: Path, change) -> None:
    """Changes the content of the last checkpoint."""
    path = folder / "checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


def assert_refused(folder: Path, message: str) -> None:
    before = folder_contents(folder)
    with pytest.raises(UserError, match=message) as refused:
        resume(folder)
    assert "\n" not in str(refused.value)
    assert folder_contents(folder) == before


def moments(content):
    return content["optimizer_states"][0]["state"][0]


def settings(content):
    return content["optimizer_states"][0]["param_groups"][0]


def progress_of(content, loop):
    return content["loops"]["fit_loop"][loop]["current"]


def state_of(content, callback):
    return next(state for key, state in content["callbacks"].items() if key.startswith(callback))


WRONG = {
    "a moment of another shape": (
        lambda content: moments(content).update(exp_avg=torch.zeros(2, 3)),
        r"last\.ckpt is not a checkpoint of this run: optimizer_states\[0\]\.state\.0\.exp_avg has the "
        r"shape \(2, 3\), expected \(8, 784\)\.",
    ),
    "a moment of another type": (
        lambda content: moments(content).update(exp_avg_sq=torch.zeros(8, 784, dtype=torch.int64)),
        r"exp_avg_sq has the type torch\.int64, expected torch\.float32",
    ),
    "a moment that is one number, repeated": (
        lambda content: moments(content).update(exp_avg=torch.zeros(1).expand(8, 784)),
        "exp_avg is no dense tensor",
    ),
    "a moment that is a number": (
        lambda content: moments(content).update(exp_avg=0.5),
        "exp_avg is no dense tensor",
    ),
    "no moment": (lambda content: moments(content).pop("exp_avg"), r"it has no .*state\.0\.exp_avg"),
    "no moments": (
        lambda content: content["optimizer_states"][0]["state"].clear(),
        r"it has no .*state\.0\.",
    ),
    "no optimizer": (lambda content: content.update(optimizer_states=[]), "has 0 entries, expected 1"),
    "two optimizers": (
        lambda content: content["optimizer_states"].append({}),
        "optimizer_states has 2 entries, expected 1",
    ),
    "weights in another order": (
        lambda content: settings(content)["params"].reverse(),
        "params in optimizer_states is not that of this run",
    ),
    "another switch": (
        lambda content: settings(content).update(amsgrad=True),
        "amsgrad in optimizer_states is not that of this run",
    ),
    "no learning rate": (lambda content: settings(content).pop("lr"), r"it has no .*\.lr\."),
    "a learning rate that is a text": (
        lambda content: settings(content).update(lr="high"),
        r"param_groups\[0\]\.lr is not valid",
    ),
    "an infinite learning rate": (
        lambda content: settings(content).update(lr=float("inf")),
        r"param_groups\[0\]\.lr is not valid",
    ),
    "no scheduler": (lambda content: content["lr_schedulers"].clear(), "lr_schedulers has 0 entries"),
    "no loops": (lambda content: content.update(loops=[]), "loops is no dict"),
    "no progress": (
        lambda content: content["loops"]["fit_loop"].pop("epoch_progress"),
        r"it has no loops\.fit_loop\.epoch_progress",
    ),
    "a negative count": (
        lambda content: progress_of(content, "epoch_loop.batch_progress").update(completed=-1),
        r"batch_progress\.current\.completed is not valid",
    ),
    "a text as count": (
        lambda content: progress_of(content, "epoch_loop.batch_progress").update(ready="4"),
        r"batch_progress\.current\.ready is not valid",
    ),
    "a huge step": (lambda content: content.update(global_step=2**70), "it has no global_step"),
    "no callbacks": (lambda content: content.update(callbacks={}), r"it has no callbacks\.Throughput"),
    "a list of callbacks": (lambda content: content.update(callbacks=[]), "callbacks is no dict"),
    "a callback that is a text": (
        lambda content: content["callbacks"].update(Throughput="fast"),
        r"callbacks\.Throughput is no dict",
    ),
    "a random state of another size": (
        lambda content: state_of(content, "LastCheckpoint").update(cpu=torch.zeros(5, dtype=torch.uint8)),
        r"LastCheckpoint\.cpu has the shape \(5,\)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_state_that_this_run_could_not_have_saved_is_refused(copy, wrong):
    change, message = WRONG[wrong]
    rewrite(copy, change)
    assert_refused(copy, message)


def test_a_random_state_that_torch_refuses_is_an_error_in_one_sentence(copy):
    rewrite(copy, lambda content: state_of(content, "LastCheckpoint")["cpu"].zero_())
    with pytest.raises(
        UserError, match=r"The random state in last\.ckpt is not valid: Invalid mt19937 state"
    ):
        resume(copy)


class Growing(SGD):
    """A user's optimizer. Its state grows during training, and is needed to go on."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            group["steps"] = group.get("steps", 0) + 1
            for weight in group["params"]:
                if group["steps"] > 6:
                    self.state[weight].setdefault("memory", []).append(weight.detach().mean())
                    weight.data.add_(sum(self.state[weight]["memory"]), alpha=-1e-3)
        return loss


@pytest.mark.parametrize(
    "optimizer",
    [
        ("torch.optim.SGD", "+optimizer.momentum=0.9", "optimizer.lr=1e-5", "scheduler=warmup"),
        ("test_restore.Growing", "+optimizer.momentum=0.9", "optimizer.lr=1e-5"),
        pytest.param(
            ("torch.optim.LBFGS", "~optimizer.fused", "optimizer.lr=0.01"), marks=pytest.mark.robustness
        ),
    ],
)
def test_a_run_with_another_optimizer_resumes_exactly(tmp_path, optimizer):
    overrides = (f"optimizer._target_={optimizer[0]}", *optimizer[1:], "loss=bce")
    uninterrupted = train(tmp_path / "reference", *overrides).run
    cut_off(tmp_path / "run", *overrides)
    assert differences(resume(tmp_path / "run", trust=True).run, uninterrupted) == []
