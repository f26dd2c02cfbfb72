"""An interrupted run resumes from its last checkpoint and ends exactly like an uninterrupted one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from lightning import Callback
from same import differences, folder_contents, leaves, same

import jlml
from conftest import QUICK, ROOT
from jlml.errors import UserError
from jlml.runs import Run, heartbeat
from jlml.training.resume import resume

# every kind of random number (order, pixels, latent noise), and a KL weight that changes in training
NOISY = (
    *("model=vae", "model.hidden=[32]", "model.kl_warmup_epochs=2", "data.pixels=dequantized"),
    *("callbacks=posterior", "trainer.log_every_n_steps=2"),
)
ROBUSTNESS = pytest.mark.robustness
QUICK = tuple(override for override in QUICK if not override.startswith(("callbacks", "trainer")))


class Cut(Callback):
    """Interrupts a run in a given epoch: at its start, during training or after validation."""

    def __init__(self, epoch: int, where: str) -> None:
        self.epoch, self.where = epoch, where

    def on_train_epoch_start(self, trainer, *_) -> None:
        self._cut(trainer, "start")

    def on_train_batch_end(self, trainer, *_) -> None:
        if trainer.global_step % 5 == 4:
            self._cut(trainer, "training")

    def on_validation_end(self, trainer, *_) -> None:
        self._cut(trainer, "validation")

    def _cut(self, trainer, where):
        if trainer.current_epoch == self.epoch and where == self.where:
            raise KeyboardInterrupt


def train(path, *overrides, progress=()):
    return jlml.train(jlml.compose(*QUICK, *NOISY, *overrides), run=Run.at(path), progress=progress)


def cut_off(path, *overrides, epoch=2, where="training"):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(path, *overrides, progress=[Cut(epoch, where)])


@pytest.fixture(scope="module")
def reference(tmp_path_factory, request):
    """A function that returns the uninterrupted run with a given scheduler."""
    parent = tmp_path_factory.mktemp("reference")
    trained = {}

    def run_of(scheduler):
        if scheduler not in trained:
            overrides = (f"scheduler={scheduler}", "trainer.max_epochs=4")
            trained[scheduler] = train(parent / scheduler, *overrides)
        return trained[scheduler]

    return run_of


@pytest.mark.parametrize(
    ("scheduler", "epoch", "where", "steps"),
    [
        ("cosine", 2, "validation", "null"),
        ("plateau", 2, "training", 1),
        ("one_cycle", 2, "training", 1),
        pytest.param("none", 0, "training", 1, marks=ROBUSTNESS),
        pytest.param("plateau", 2, "training", 2, marks=ROBUSTNESS),
        pytest.param("warmup", 2, "training", 1, marks=ROBUSTNESS),
    ],
)
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path, reference, scheduler, epoch, where, steps
):
    overrides = (f"scheduler={scheduler}", "trainer.max_epochs=4", f"checkpoints.steps={steps}")
    cut_off(tmp_path / "run", *overrides, epoch=epoch, where=where)
    resumed = train(tmp_path / "run", *overrides)
    assert differences(resumed.run, reference(scheduler).run) == []
    assert resumed.run.metrics()["epochs"] == 4


@pytest.mark.parametrize(
    "loops", [("true", "false"), ("false", "true"), pytest.param(("false", "false"), marks=ROBUSTNESS)]
)
def test_a_run_resumes_exactly_in_the_loop_of_jlml_and_of_lightning(tmp_path, reference, loops):
    """Both loops count batches and steps in the same way."""
    overrides = ("scheduler=plateau", "trainer.max_epochs=4", "checkpoints.steps=1")
    cut_off(tmp_path / "run", *overrides, f"speed.loop={loops[0]}")
    resumed = train(tmp_path / "run", *overrides, f"speed.loop={loops[1]}")
    ours, uninterrupted = (
        torch.load(run.checkpoint("last"), weights_only=True)
        for run in (resumed.run, reference("plateau").run)
    )
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
        assert all(map(same, *(dict(leaves(content[key])).values() for content in (ours, uninterrupted))))
    assert resumed.metrics == reference("plateau").metrics


def test_a_run_can_be_moved_before_it_resumes(tmp_path, reference):
    """The best checkpoint so far is kept: a worse epoch does not replace it because its path has changed."""
    cut_off(tmp_path / "here", "trainer.max_epochs=4", epoch=3)
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = train(tmp_path / "there", "trainer.max_epochs=4")
    assert moved.metrics == reference("none").metrics


@pytest.mark.parametrize("steps", ["null", "1"])
def test_curves_have_no_gap_and_no_overlap(tmp_path, reference, steps):
    overrides = ("trainer.max_epochs=4", f"checkpoints.steps={steps}", "trainer.log_every_n_steps=3")
    uninterrupted = train(tmp_path / "reference", *overrides)
    cut_off(tmp_path / "run", *overrides)  # after step 4 of 5: inside a logging window of 3 steps
    resumed = train(tmp_path / "run", *overrides)
    assert differences(resumed.run, uninterrupted.run) == []


def test_a_finished_run_is_only_tested_again(tmp_path, reference):
    shutil.copytree(reference("none").run.path, tmp_path / "copy")
    before = (tmp_path / "copy/checkpoints/last.ckpt").read_bytes()
    again = train(tmp_path / "copy", "trainer.max_epochs=4")
    assert differences(again.run, reference("none").run) == []
    assert (tmp_path / "copy/checkpoints/last.ckpt").read_bytes() == before


def test_a_run_does_not_resume_with_another_config(tmp_path):
    cut_off(tmp_path / "run")
    with pytest.raises(UserError, match=r"optimizer\.lr was 0\.001 and is 0\.01; seed was 0 and is 5"):
        train(tmp_path / "run", "optimizer.lr=0.01", "seed=5")
    assert Run(tmp_path / "run").metrics()["status"] == "interrupted"


def test_the_error_names_a_damaged_checkpoint(tmp_path):
    cut_off(tmp_path / "run")
    (tmp_path / "run/checkpoints/last.ckpt").write_bytes(b"half of i")
    with pytest.raises(UserError, match=r"last\.ckpt is not a checkpoint, or is damaged"):
        train(tmp_path / "run")


def command(*overrides):
    return [sys.executable, "train.py", *overrides]


def ended(process):
    """Waits for a command. Returns its exit code, output and errors."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def start(*overrides):
    return subprocess.Popen(
        command(*overrides),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # pytest itself may run under nohup
    )


def wait_for_epoch(parent, epoch):
    """Waits until the run under ``parent`` reaches an epoch. Returns its folder."""
    for _ in range(1200):
        for progress in parent.glob("*/progress.json"):
            if json.loads(progress.read_text())["epoch"] >= epoch:
                return progress.parent
        time.sleep(0.05)
    raise AssertionError(f"the run did not reach epoch {epoch}")


@pytest.mark.robustness
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])
def test_a_run_ended_by_a_signal_can_be_resumed(tmp_path, name):
    overrides = (*QUICK, *NOISY, "trainer.max_epochs=60", "scheduler=plateau")
    reference = start(*overrides, f"output_dir={tmp_path / 'reference'}")
    process = start(*overrides, f"output_dir={tmp_path / 'cut'}")
    folder = wait_for_epoch(tmp_path / "cut", 5)
    process.send_signal(getattr(signal, name))
    code, _, err = ended(process)
    assert code == (-signal.SIGKILL if name == "SIGKILL" else 128 + getattr(signal, name))
    status = Run(folder).metrics()["status"]
    if name == "SIGKILL":
        assert status == "running"
    else:
        assert status == "interrupted"
        (line,) = err.strip().splitlines()
        assert line == f"Stopped by {name}, everything is saved. Resume with: python train.py resume={folder}"
    assert ended(reference)[0] == 0
    (uninterrupted,) = (tmp_path / "reference").iterdir()

    code, out, err = ended(start(f"resume={folder}"))
    assert (code, err) == (0, "")
    assert str(folder) in out
    assert differences(Run(folder), Run(uninterrupted)) == []


@pytest.mark.robustness
def test_nohup_makes_a_run_survive_its_terminal(tmp_path):
    process = subprocess.Popen(
        ["nohup", *command(*QUICK, "model=vae", "trainer.max_epochs=20", f"output_dir={tmp_path}")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = wait_for_epoch(tmp_path, 2)
    process.send_signal(signal.SIGHUP)
    assert ended(process)[0] == 0
    assert Run(folder).state() == "finished"


class Mover(Callback):
    """Moves the run folder while it is in use."""

    def __init__(self, where):
        self.where = where

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 7:
            shutil.move(trainer.default_root_dir, self.where)


def test_a_folder_that_is_moved_while_training_can_be_resumed_there(tmp_path, reference):
    with pytest.raises(UserError, match=r"/here was moved or deleted .* resume it from its new place"):
        train(tmp_path / "here", "trainer.max_epochs=4", progress=[Mover(tmp_path / "there")])
    assert not (tmp_path / "here").exists()
    assert differences(resume(tmp_path / "there").run, reference("none").run) == []


def test_a_new_run_whose_folder_is_moved_is_reported_too(tmp_path):
    with pytest.raises(UserError, match="was moved or deleted while training"):
        jlml.train(*QUICK, *NOISY, parent=tmp_path / "here", progress=[Mover(tmp_path / "there")])
    assert Run(tmp_path / "there").state() != "finished"


def test_a_run_extended_by_epochs_equals_one_with_all_epochs_from_the_start(tmp_path, reference):
    short = train(tmp_path / "run", "trainer.max_epochs=2").run
    longer = resume(short.path, ["resume=x", "trainer.max_epochs=4"])
    assert differences(longer.run, reference("none").run) == []
    assert longer.run.config()["trainer"]["max_epochs"] == 4
    sparser = resume(short.path, ["draw_every=3"]).run.config()  # affects only the pictures
    assert (sparser["draw_every"], sparser["callbacks"]["posterior"]["every"]) == (3, 3)
    assert "trainer.max_epochs=4" in longer.run.config()["changes"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.lr=0.1"], "optimizer.lr is 0.001, not 0.1"),
        (["model=ae"], "model is vae, not ae"),
        (["seed=3", "latent=d8"], "seed is 0, not 3; latent is d2, not d8"),
        (["+model.nothing=1"], "model.nothing is not set, not 1"),
        (["trainer.max_epochs=1"], "is less than the 4 of this run"),
    ],
)
def test_any_other_change_is_refused_and_the_error_names_the_difference(reference, overrides, message):
    run = reference("none").run
    before = folder_contents(run.path)
    with pytest.raises(UserError) as refused:
        resume(run.path, ["model=vae", *overrides])
    assert message in str(refused.value)
    assert folder_contents(run.path) == before


def test_a_run_with_a_finished_cosine_schedule_is_not_extended(reference):
    with pytest.raises(UserError, match="ends after 4 epochs"):
        resume(reference("cosine").run.path, ["trainer.max_epochs=9"])


@pytest.mark.robustness
def test_two_processes_cannot_train_in_one_folder(tmp_path):
    cut_off(tmp_path / "run")
    run = Run(tmp_path / "run")
    before = (run.path / "metrics.json").read_bytes()
    with run.lock(), pytest.raises(UserError, match="Another process is training in"):
        train(run.path)
    assert (run.path / "metrics.json").read_bytes() == before
    assert train(run.path).run.metrics()["status"] == "finished"


def test_a_run_killed_before_its_first_checkpoint_restarts(tmp_path, reference):
    uninterrupted = reference("none").run
    folder = tmp_path / "run"
    cut_off(folder, "trainer.max_epochs=4", epoch=0)
    assert not (folder / "checkpoints" / "last.ckpt").exists()
    record = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(record | {"status": "running"}))  # as kill -9 leaves it
    (folder / ".metrics.json.4711").write_text('{"stat')
    run = Run(folder)
    assert run.state() == "cut off"
    assert differences(resume(folder).run, uninterrupted) == []
    assert run.state() == "finished"
    assert not list(folder.glob(".*.4711"))


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("last", r"has no checkpoint 'last'"),
        ("best", r"best\.ckpt is missing, and last\.ckpt needs it"),
    ],
)
def test_a_finished_run_that_lacks_a_checkpoint_is_not_trained_again(tmp_path, reference, which, message):
    shutil.copytree(reference("none").run.path, tmp_path / "copy")
    (tmp_path / f"copy/checkpoints/{which}.ckpt").unlink()
    with pytest.raises(UserError, match=message):
        resume(tmp_path / "copy", ["trainer.max_epochs=5"])


def test_a_lock_or_a_recent_heartbeat_shows_that_a_run_is_still_trained(tmp_path):
    cut_off(tmp_path / "run")
    run = Run(tmp_path / "run")
    assert run.state() == "interrupted"
    run.write_metrics(run.metrics() | {"status": "running"})
    assert run.state() == "cut off"
    with run.lock():
        assert run.state() == "running"
    beat = json.loads((run.path / "progress.json").read_text())
    (run.path / "progress.json").write_text(json.dumps(beat | {"host": "another"}))
    assert run.state() == "running"  # the lock of another machine may be invisible; its heartbeat is not
    long_ago = time.time() - 2 * heartbeat.SILENCE
    os.utime(run.path / "progress.json", (long_ago, long_ago))
    assert run.state() == "cut off"
    beat = json.loads((run.path / "progress.json").read_text())
    assert (beat["epoch"], beat["epochs"]) == (2, 20)


def test_the_heartbeat_is_updated_within_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr("jlml.training.progress.SECONDS", 0)
    cut_off(tmp_path / "run", "trainer.max_epochs=3", epoch=1)
    beat = json.loads((tmp_path / "run/progress.json").read_text())
    assert (beat["epoch"], beat["step"]) == (1, 9)


class Poison(Callback):
    """Sets a weight to nan in epoch 2."""

    def on_train_batch_start(self, trainer, model, batch, number):
        if trainer.current_epoch == 2:
            next(model.parameters()).data[0, 0] = float("nan")


@pytest.mark.parametrize("steps", ["null", "1"])
def test_the_error_of_a_diverged_run_names_step_terms_and_last_good_checkpoint(tmp_path, steps):
    with pytest.raises(UserError) as diverged:
        train(tmp_path / "run", "trainer.max_epochs=4", f"checkpoints.steps={steps}", progress=[Poison()])
    last = tmp_path / "run/checkpoints/last.ckpt"
    message = str(diverged.value)
    assert f"The last good checkpoint, from step 10, is {last}." in message
    if steps == "null":
        assert "diverged at step 10: train/loss nan, train/nll nan, train/beta_kl nan" in message
    weights = torch.load(last, weights_only=True)["state_dict"]
    assert all(weight.isfinite().all() for weight in weights.values())
    assert Run(tmp_path / "run").metrics()["status"] == "failed"


class Hidden(Callback):
    """Sets a bias to minus infinity. ReLU hides it, so no loss shows it."""

    def on_train_batch_start(self, trainer, model, batch, number):
        if trainer.current_epoch == 1:
            dict(model.named_parameters())["encoder.1.bias"].data[0] = -float("inf")


def test_a_weight_that_is_not_finite_is_never_saved_in_a_checkpoint(tmp_path):
    with pytest.raises(
        UserError, match=r"diverged by step 10: encoder\.1\.bias is not finite.*from step 5, is"
    ):
        train(tmp_path / "run", "trainer.max_epochs=4", progress=[Hidden()])
    for which in ("best", "last"):
        weights = torch.load(tmp_path / f"run/checkpoints/{which}.ckpt", weights_only=True)["state_dict"]
        assert all(weight.isfinite().all() for weight in weights.values())


@ROBUSTNESS
def test_an_early_stopped_run_is_not_extended(tmp_path):
    """This also holds if it was killed between its last epoch and the test."""
    overrides = ("trainer.max_epochs=30", "early_stopping=1", "optimizer.lr=0.02", "model.kl_warmup_epochs=0")
    reference = train(tmp_path / "run", *overrides).run
    epochs = reference.metrics()["epochs"]
    assert epochs < 30
    copy = Run(shutil.copytree(reference.path, tmp_path / "copy"))
    copy.write_metrics(copy.metrics() | {"status": "running"})
    for more in ([], ["trainer.max_epochs=40"]):
        assert resume(copy.path, more).run.metrics()["epochs"] == epochs
        assert differences(copy, reference) == []


class Stop(Callback):
    """Sends Ctrl-C at the end of the last epoch."""

    def on_train_epoch_end(self, trainer, model):
        if trainer.current_epoch == 3:
            signal.raise_signal(signal.SIGINT)


def test_a_signal_in_the_last_epoch_stops_the_run(tmp_path, reference):
    with pytest.raises(
        SystemExit, match="Stopped by SIGINT, everything is saved. Resume with: python train.py resume="
    ):
        train(tmp_path / "run", "trainer.max_epochs=4", progress=[Stop()])
    assert Run(tmp_path / "run").state() == "interrupted"
    assert differences(resume(tmp_path / "run").run, reference("none").run) == []


class Diary(Callback):
    """A callback whose state contains a Path, which a checkpoint cannot hold."""

    def state_dict(self):
        return {"where": Path("here")}


def test_a_callback_state_that_a_checkpoint_cannot_hold_is_refused_at_the_start(tmp_path):
    with pytest.raises(UserError, match=r"callbacks\.diary has a state that a checkpoint cannot hold"):
        train(tmp_path / "run", "+callbacks.diary._target_=test_resume.Diary")
    assert not (tmp_path / "run/checkpoints").exists()


class Quiet(Callback):
    """A user's callback."""


def test_the_suggested_resume_command_has_trust_if_the_run_needs_it(tmp_path):
    own = "+callbacks.quiet._target_=test_resume.Quiet"
    with pytest.raises(SystemExit, match=r"resume=\S+ trust=true$"):
        train(tmp_path / "run", "trainer.max_epochs=4", own, progress=[Stop()])
    with pytest.raises(UserError, match="add trust=true"):
        resume(tmp_path / "run")
    assert resume(tmp_path / "run", trust=True).run.state() == "finished"


def test_a_run_whose_schedule_ends_with_the_last_epoch_is_not_extended(tmp_path):
    run = train(tmp_path / "run", "trainer.max_epochs=2", "scheduler=one_cycle").run
    with pytest.raises(UserError, match=r"ends after 2 epochs \(scheduler\.total_steps\)"):
        resume(run.path, ["trainer.max_epochs=5"])
