"""One run in two processes on the CPU: the same numbers as in one, one folder, one voice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import jlml
from conftest import ROOT
from jlml.runs import Run

QUICK = (
    "data=mnist_5k",
    "data.subset=129",
    "data.batch_size=64",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
    "callbacks=snapshots",
)
TWO = ("trainer=ddp", "trainer.accelerator=cpu")


def start(*words: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "train.py", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*words: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    process = start(*words, **environment)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def one_machine(*words: str) -> tuple[int, str, str]:
    """Two processes, the second started by the first."""
    return run(*TWO, "trainer.devices=2", *words)


def two_machines(*words: str) -> tuple[int, str, str]:
    """A process on each of two, as a user starts them; both are this machine."""
    from lightning.fabric.plugins.environments.lightning import find_free_network_port

    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(find_free_network_port())}
    words = (*TWO, "trainer.devices=1", "trainer.num_nodes=2", *words)
    other = start(*words, NODE_RANK="1", **meeting)
    first = run(*words, NODE_RANK="0", **meeting)
    assert (*other.communicate(timeout=60), other.returncode) == ("", "", 0)
    return first


def curves(path: Path) -> dict[str, list[float]]:
    """Every curve of a run in TensorBoard but how fast it was."""
    events = EventAccumulator(str(path)).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if "second" not in tag]
    return {tag: [event.value for event in events.Scalars(tag)] for tag in tags}


@pytest.mark.parametrize(
    ("together", "words"),
    [
        # the last batch is one image: one process has none of it
        (one_machine, ("model=ae", "loss=mse", "data.pixels=dequantized", "data.eval_batch_size=32")),
        (two_machines, ("model=vae", "loss=cont_bern", "data.subset=150", "trainer.gradient_clip_val=100")),
    ],
)
def test_two_processes_do_what_one_does(tmp_path, together, words):
    alone = jlml.train(jlml.compose(*QUICK, *words), tmp_path / "alone").run
    code, out, err = together(*QUICK, *words, f"output_dir={tmp_path / 'shared'}")
    assert (code, err) == (0, "")
    assert [out.count(word) for word in ("Epoch 1/2", "Epoch 2/2", "nll", "Run folder")] == [1, 1, 1, 1]

    (path,) = (tmp_path / "shared").iterdir()
    shared = Run.open(path)
    assert {file.name for file in path.iterdir() if "events" not in file.name and file.name[0] != "."} == {
        "config.yaml", "metrics.json", "progress.json", "train.log", "checkpoints", "snapshots",
    }  # fmt: skip
    assert len(list(path.glob("events*"))) == 1
    assert shared.metrics()["status"] == "finished"
    assert shared.metrics()["metrics"] == pytest.approx(alone.metrics()["metrics"], rel=1e-5)
    lines, expected = curves(path), curves(alone.path)
    assert lines.keys() == expected.keys() >= {"train/loss", "train/mse", "val/loss", "test/loss"}
    for tag, line in lines.items():
        assert line == pytest.approx(expected[tag], rel=1e-5), tag
    for which in ("best", "last"):
        states = [
            torch.load(run.checkpoint(which), weights_only=True)["state_dict"] for run in (alone, shared)
        ]
        for name, expected_weights in states[0].items():
            error = (states[1][name] - expected_weights).norm()
            assert error <= 1e-5 * expected_weights.norm(), name

    shared.config()  # is not refused, and nothing in it needs trust
    result = jlml.evaluate(jlml.compose(f"run={path}", "parts=[objective]", config_name="evaluate"))
    assert not result.failed


def test_a_loss_that_is_not_finite_is_said_once(tmp_path):
    code, _, err = one_machine(
        *QUICK, "loss=mse", "loss.link=identity", "optimizer.lr=1e20", f"output_dir={tmp_path}"
    )
    assert code == 1
    assert err.startswith("Error: Training has diverged at step")
    assert len(err.splitlines()) == 1
    (path,) = tmp_path.iterdir()
    assert Run(path).metrics()["status"] == "failed"


def test_a_failure_of_one_process_ends_all(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch.distributed as dist\n"
        "from jlml.models import VAE\n"
        "class Fragile(VAE):\n"
        "    '''Falls over in the second of two processes.'''\n"
        "    def training_step(self, batch, batch_idx):\n"
        "        if self.global_step > 0 and dist.get_rank() == 1:\n"
        "            raise RuntimeError('the decoder fell over')\n"
        "        return super().training_step(batch, batch_idx)\n"
    )
    words = (*QUICK, *TWO, "model._target_=mine.Fragile", f"output_dir={tmp_path / 'runs'}")
    code, _, err = run(*words, PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "RuntimeError: the decoder fell over" in err  # with the traceback of the one that failed
    assert err.splitlines()[-1] == "Error: Process 2 of 2 has failed: the decoder fell over."
    (path,) = (tmp_path / "runs").iterdir()
    record = json.loads((path / "metrics.json").read_text())
    assert (record["status"], record["error"]) == (
        "failed",
        "Process 2 of 2 has failed: the decoder fell over.",
    )


def test_a_sweep_of_runs_in_several_processes_is_refused(tmp_path):
    code, _, err = run("-m", *QUICK, *TWO, "seed=0,1", f"output_dir={tmp_path / 'runs'}")
    assert code == 1
    assert err.startswith("Error: trainer.strategy=ddp does not work with -m: ")
    assert len(err.splitlines()) == 1
    assert not list((tmp_path / "runs").glob("**/config.yaml"))
