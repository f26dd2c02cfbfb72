"""`trainer=fast`, and what becomes of it where bf16 or a compiler is missing."""

import shutil
import subprocess
import sys

import pytest
import torch

import jlml
from conftest import QUICK, ROOT
from jlml.config import plain
from jlml.speed.hardware import within_means
from jlml.models import AE
from jlml.runs import Run

FAST = (*QUICK[:-1], "callbacks=none", "trainer=fast", "trainer.max_epochs=2")


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_command_compiles_and_trains(tmp_path):
    """Through the door: under the tests' shape checks nothing compiles."""
    words = [*FAST, "model=vae", "loss=cont_bern", "model.kl_warmup_epochs=1", f"output_dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "train.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = tmp_path.iterdir()
    run = Run(path)
    assert run.metrics()["status"] == "finished"
    assert run.config()["trainer"]["compile"] is True
    compiled = run.metrics()["metrics"]
    eager = jlml.train(jlml.compose(*FAST, *words[-4:-1], "trainer=default"), tmp_path / "eager")
    # other roundings, and noise that compiled code draws in its own way
    assert compiled["test/loss"] == pytest.approx(eager.metrics["test/loss"], rel=0.1)


def test_without_bf16_or_a_compiler_it_says_so_and_trains_in_float32(tmp_path, monkeypatch, caplog):
    def no_compiler(function):
        raise RuntimeError("no C++ compiler was found\nand more")

    monkeypatch.setattr("jlml.speed.hardware.has_bf16", lambda trainer: False)
    monkeypatch.setattr(torch, "compile", no_compiler)
    trained = jlml.train(jlml.compose(*FAST, "model=ae"), tmp_path)
    kept = trained.run.config()["trainer"]
    assert (kept["precision"], kept["compile"]) == ("32-true", False)
    assert "no bf16 arithmetic: training in float32" in caplog.text
    assert "torch.compile does not work here (no C++ compiler was found)" in caplog.text


def test_what_the_machine_has_is_left_alone(monkeypatch):
    monkeypatch.setattr("jlml.speed.hardware.has_bf16", lambda trainer: True)
    monkeypatch.setattr("jlml.speed.hardware.why_nothing_compiles", lambda trainer: None)
    config = plain(jlml.compose(*FAST))
    assert within_means(config) == config


def test_only_training_batches_of_the_usual_size_are_compiled(tmp_path, monkeypatch):
    sizes = []

    def compiling(forward):
        def compiled(images):
            sizes.append(len(images))
            return forward(images)

        return compiled

    monkeypatch.setattr("jlml.speed.hardware.why_nothing_compiles", lambda trainer: None)
    monkeypatch.setattr(torch, "compile", compiling)
    trained = jlml.train(jlml.compose(*FAST, "model=ae"), tmp_path)
    assert isinstance(trained.model, AE)
    assert sizes == 8 * [64]  # four of the five batches of each epoch; validation and the last run as ever


@pytest.mark.parametrize("key", ["compile", "capture"])
def test_several_processes_are_refused(key):
    with pytest.raises(jlml.errors.UserError, match=f"trainer.{key}=true is for one process"):
        jlml.train(jlml.compose(*QUICK, "trainer=ddp", f"trainer.{key}=true"))


def test_graphs_without_a_gpu_are_refused():
    with pytest.raises(jlml.errors.UserError, match="trainer.capture=true records CUDA graphs"):
        jlml.train(jlml.compose(*QUICK, "trainer.capture=true"))
