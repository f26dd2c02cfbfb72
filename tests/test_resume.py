"""A run that was cut off goes on from its last checkpoint, and ends as if nothing had happened."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from lightning import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import jlml
from conftest import QUICK, ROOT
from jlml.errors import UserError
from jlml.resume import resume
from jlml.runs import Run

# noise of every kind: order, pixels, reparameterisation, and a weight and a learning rate that move
WORDS = (
    *("model=vae", "model.hidden=[32]", "model.kl_warmup_epochs=2", "data.pixels=dequantized"),
    *("callbacks=none", "trainer.log_every_n_steps=2"),
)
QUICK = tuple(word for word in QUICK if not word.startswith(("callbacks", "trainer")))


class Cut(Callback):
    """Pulls the plug in an epoch, in training or after validation."""

    def __init__(self, epoch: int, where: str) -> None:
        self.epoch, self.where = epoch, where

    def on_train_batch_end(self, trainer, *_) -> None:
        if trainer.global_step % 5 == 4:
            self._cut(trainer, "training")

    def on_validation_end(self, trainer, *_) -> None:
        self._cut(trainer, "validation")

    def _cut(self, trainer, where):
        if trainer.current_epoch == self.epoch and where == self.where:
            raise KeyboardInterrupt


def train(path, *words, progress=()):
    return jlml.train(jlml.compose(*QUICK, *WORDS, *words), run=Run.at(path), progress=progress)


def cut_off(path, *words, epoch=2, where="training"):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(path, *words, progress=[Cut(epoch, where)])


def what_counts(path):
    """Everything in a checkpoint that decides how training goes on."""
    checkpoint = torch.load(path, weights_only=True)
    kept = {key: checkpoint[key] for key in ("state_dict", "optimizer_states", "lr_schedulers", "loops")}
    random = [state for name, state in checkpoint["callbacks"].items() if name.startswith("LastCheckpoint")]
    return dict(leaves({**kept, "random": random, "step": checkpoint["global_step"]}))


def leaves(node, key=""):
    if isinstance(node, (dict, list, tuple)):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, f"{key}.{name}")
    else:
        yield key, node


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        other = theirs[key]
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, key


@pytest.fixture(scope="module", autouse=True)
def short_stretches():
    """Three stretches an epoch of five batches, where a run would have them all in one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jlml.data.datamodule.AT_ONCE", 2)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, request):
    """Runs that nothing disturbed, by scheduler."""
    parent = tmp_path_factory.mktemp("whole")
    made = {}

    def run_of(scheduler):
        if scheduler not in made:
            words = (f"scheduler={scheduler}", "trainer.max_epochs=4")
            made[scheduler] = train(parent / scheduler, *words)
        return made[scheduler]

    return run_of


@pytest.mark.parametrize("scheduler", ["none", "cosine", "plateau"])
@pytest.mark.parametrize(("epoch", "where"), [(0, "training"), (2, "training"), (2, "validation")])
@pytest.mark.parametrize("steps", ["null", "1", "2"])
def test_a_run_cut_off_ends_bit_for_bit_like_one_that_was_not(
    tmp_path, whole, scheduler, epoch, where, steps
):
    words = (f"scheduler={scheduler}", "trainer.max_epochs=4", f"checkpoints.steps={steps}")
    cut_off(tmp_path / "run", *words, epoch=epoch, where=where)
    resumed = train(tmp_path / "run", *words)
    undisturbed = whole(scheduler)
    for name in ("best", "last"):
        ours = what_counts(resumed.run.checkpoint(name))
        theirs = what_counts(undisturbed.run.checkpoint(name))
        assert_same(ours, theirs)
    assert resumed.metrics == undisturbed.metrics
    assert resumed.run.metrics()["epochs"] == 4


def test_a_run_may_move_before_it_goes_on(tmp_path, whole):
    """The best checkpoint so far is kept: a worse epoch does not replace it for having another path."""
    cut_off(tmp_path / "here", "trainer.max_epochs=4", epoch=3)
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = train(tmp_path / "there", "trainer.max_epochs=4")
    assert moved.metrics == whole("none").metrics


def curves(run):
    """Every curve of a run in TensorBoard but how fast it was."""
    board = EventAccumulator(str(run.path)).Reload()
    tags = [tag for tag in board.Tags()["scalars"] if "second" not in tag]
    return {tag: [(event.step, event.value) for event in board.Scalars(tag)] for tag in tags}


@pytest.mark.parametrize("steps", ["null", "1"])
def test_curves_have_no_gap_and_no_overlap(tmp_path, whole, steps):
    words = ("trainer.max_epochs=4", f"checkpoints.steps={steps}", "trainer.log_every_n_steps=3")
    undisturbed = train(tmp_path / "whole", *words)
    cut_off(tmp_path / "run", *words)  # after the fourth step of five: within a window of three
    resumed = train(tmp_path / "run", *words)
    assert curves(resumed.run) == curves(undisturbed.run)


def test_a_finished_run_is_only_tested_again(tmp_path, whole):
    shutil.copytree(whole("none").run.path, tmp_path / "copy")
    before = (tmp_path / "copy/checkpoints/last.ckpt").read_bytes()
    again = train(tmp_path / "copy", "trainer.max_epochs=4")
    assert again.metrics == whole("none").metrics
    assert (tmp_path / "copy/checkpoints/last.ckpt").read_bytes() == before


def test_another_config_does_not_go_on_from_here(tmp_path):
    cut_off(tmp_path / "run")
    with pytest.raises(UserError, match=r"optimizer\.lr was 0\.001 and is 0\.01; seed was 0 and is 5"):
        train(tmp_path / "run", "optimizer.lr=0.01", "seed=5")
    assert Run(tmp_path / "run").metrics()["status"] == "interrupted"


def test_a_damaged_checkpoint_is_named(tmp_path):
    cut_off(tmp_path / "run")
    (tmp_path / "run/checkpoints/last.ckpt").write_bytes(b"half of i")
    with pytest.raises(UserError, match=r"last\.ckpt is not a checkpoint, or is damaged"):
        train(tmp_path / "run")


def command(*words):
    return [sys.executable, "train.py", *words]


def ended(process):
    """What a command said, once it is over."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def start(*words):
    return subprocess.Popen(
        command(*words),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for_epoch(parent, epoch):
    """The one run folder under ``parent``, once it is so far."""
    for _ in range(1200):
        for progress in parent.glob("*/progress.json"):
            if json.loads(progress.read_text())["epoch"] >= epoch:
                return progress.parent
        time.sleep(0.05)
    raise AssertionError("the run did not come so far")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_signal_ends_a_run_and_resume_goes_on(tmp_path, name):
    words = (*QUICK, *WORDS, "trainer.max_epochs=60", "scheduler=plateau")
    whole = start(*words, f"output_dir={tmp_path / 'whole'}")
    process = start(*words, f"output_dir={tmp_path / 'cut'}")
    folder = wait_for_epoch(tmp_path / "cut", 5)
    process.send_signal(getattr(signal, name))
    code, _, err = ended(process)
    assert code != 0
    status = Run(folder).metrics()["status"]
    if name == "SIGKILL":
        assert status == "running"
    else:
        assert status == "interrupted"
        (line,) = err.strip().splitlines()
        assert line == f"Ended by {name}, all saved. Go on with: python train.py resume={folder}"
    assert ended(whole)[0] == 0
    (undisturbed,) = (tmp_path / "whole").iterdir()

    code, out, err = ended(start(f"resume={folder}"))
    assert (code, err) == (0, "")
    assert str(folder) in out
    resumed = Run(folder)
    assert resumed.metrics()["metrics"] == Run(undisturbed).metrics()["metrics"]
    for which in ("best", "last"):
        ours = what_counts(resumed.checkpoint(which))
        theirs = what_counts(Run(undisturbed).checkpoint(which))
        assert_same(ours, theirs)


def test_more_epochs_extend_a_run_as_if_it_had_been_meant_so(tmp_path, whole):
    short = train(tmp_path / "run", "trainer.max_epochs=2").run
    longer = resume(short.path, ["resume=x", "trainer.max_epochs=4", "draw_every=3"])
    assert longer.metrics == whole("none").metrics
    assert longer.run.config()["trainer"]["max_epochs"] == 4
    assert "trainer.max_epochs=4" in longer.run.config()["changes"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["optimizer.lr=0.1"], "where optimizer.lr is 0.001 and not 0.1"),
        (["model=ae"], "where model is vae and not ae"),
        (["seed=3", "latent=d8"], "where seed is 0 and not 3; latent is d2 and not d8"),
        (["+model.nothing=1"], "where model.nothing is not set and not 1"),
        (["trainer.max_epochs=1"], "is less than the 4 of this run"),
    ],
)
def test_any_other_change_is_refused_with_the_difference(whole, words, says):
    run = whole("none").run
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError) as refused:
        resume(run.path, ["model=vae", *words])
    assert says in str(refused.value)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_a_cosine_that_has_reached_its_end_is_not_extended(whole):
    with pytest.raises(UserError, match="falls to zero over its 4 epochs"):
        resume(whole("cosine").run.path, ["trainer.max_epochs=9"])


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    cut_off(tmp_path / "run")
    run = Run(tmp_path / "run")
    before = (run.path / "metrics.json").read_bytes()
    with run.alone(), pytest.raises(UserError, match="Another process is training in"):
        train(run.path)
    assert (run.path / "metrics.json").read_bytes() == before
    assert train(run.path).run.metrics()["status"] == "finished"
