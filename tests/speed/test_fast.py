"""`trainer=fast`, with and without bf16 and a compiler."""

import shutil

import pytest
import torch

import jlml
from conftest import QUICK, run
from jlml.errors import UserError
from jlml.models import AE
from jlml.runs import Run
from jlml.speed.hardware import within_hardware
from jlml.training.build import run_config

FAST = (*QUICK[:-1], "callbacks=none", "trainer=fast", "trainer.max_epochs=2")


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.robustness
def test_the_command_compiles_and_trains(tmp_path):
    """It runs in a new process, because the shape checks of the tests prevent compilation."""
    overrides = [*FAST, "model=vae", "loss=cont_bern", "model.kl_warmup_epochs=1"]
    done = run("train.py", *overrides, f"output_dir={tmp_path}")
    assert (done.returncode, "float32" in done.stderr or done.stderr == "") == (0, True)
    (path,) = tmp_path.iterdir()
    assert Run(path).config()["speed"]["compile"] is True
    compiled = Run(path).metrics()["metrics"]
    eager = jlml.train(*overrides, "trainer=default", parent=tmp_path / "eager", progress=[])
    # compiled code rounds differently and draws other random numbers
    assert compiled["test/loss"] == pytest.approx(eager.metrics["test/loss"], rel=0.1)


def test_without_bf16_or_a_compiler_it_warns_and_trains_in_float32(tmp_path, monkeypatch, caplog):
    def no_compiler(function):
        raise RuntimeError("no C++ compiler was found\nand more")

    monkeypatch.setattr("jlml.speed.hardware.has_bf16", lambda trainer: False)
    monkeypatch.setattr(torch, "compile", no_compiler)
    config = jlml.train(*FAST, "model=ae", parent=tmp_path).run.config()
    assert (config["trainer"]["precision"], config["speed"]["compile"]) == ("32-true", False)
    assert "no bf16 arithmetic: training in float32" in caplog.text
    assert "torch.compile does not work here (no C++ compiler was found)" in caplog.text


def test_settings_that_the_machine_supports_are_not_changed(monkeypatch):
    monkeypatch.setattr("jlml.speed.hardware.has_bf16", lambda trainer: True)
    monkeypatch.setattr("jlml.speed.hardware.why_nothing_compiles", lambda trainer: None)
    config = run_config(*FAST)
    assert within_hardware(config) == config


def test_only_full_training_batches_are_compiled(tmp_path, monkeypatch):
    sizes = []

    def compiling(forward):
        def compiled(images):
            sizes.append(len(images))
            return forward(images)

        return compiled

    monkeypatch.setattr("jlml.speed.hardware.why_nothing_compiles", lambda trainer: None)
    monkeypatch.setattr(torch, "compile", compiling)
    trained = jlml.train(*FAST, "model=ae", parent=tmp_path)
    assert isinstance(trained.model, AE)
    assert sizes == 8 * [64]  # four of five batches in each epoch, no validation batch


def test_cuda_graphs_without_a_gpu_are_refused():
    with pytest.raises(UserError, match=r"speed\.cuda_graphs=true needs a GPU"):
        jlml.train(*QUICK, "speed.cuda_graphs=true")
