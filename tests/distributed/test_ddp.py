"""One run in several processes on the CPU: each takes a share of every batch; one run folder, one output."""

import os
import subprocess
import sys

import pytest
import torch

import jlml
from conftest import ROOT
from jlml.data.batches import EvaluationBatches, TrainingBatches
from jlml.distributed.shares import EvaluationShares, TrainingShares
from jlml.runs import Run

QUICK = (
    "data=mnist_5k",
    "data.subset=128",
    "data.batch_size=64",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
    "callbacks=snapshots",
)
TWO = ("trainer=ddp", "trainer.accelerator=cpu")


def start(*overrides: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "train.py", *overrides],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*overrides: str, **environment: str) -> tuple[int, str, str]:
    """Runs a command. Returns its exit code, output and errors."""
    process = start(*overrides, **environment)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def one_machine(*overrides: str) -> tuple[int, str, str]:
    """Runs two processes on one machine. The first one starts the second."""
    return run(*TWO, "trainer.devices=2", *overrides)


def two_machines(*overrides: str) -> tuple[int, str, str]:
    """Runs one process on each of two machines, as a user starts them. Both are in fact this machine."""
    from lightning.fabric.plugins.environments.lightning import find_free_network_port

    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(find_free_network_port())}
    overrides = (*TWO, "trainer.devices=1", "trainer.num_nodes=2", *overrides)
    other = start(*overrides, NODE_RANK="1", **rendezvous)
    first = run(*overrides, NODE_RANK="0", **rendezvous)
    assert (*other.communicate(timeout=60), other.returncode) == ("", "", 0)
    return first


@pytest.mark.robustness
def test_two_processes_train_the_same_weights_as_one(tmp_path):
    """An AE has no noise, so equal shares of a batch give the gradient of the full batch."""
    overrides = (*QUICK, "model=ae", "loss=mse", "data.pixels=dequantized", "data.eval_batch_size=30")
    overrides += ("keep_checkpoints_every=1", "model.norm=none")
    alone = jlml.train(*overrides, parent=tmp_path / "alone").run
    code, out, err = one_machine(*overrides, f"output_dir={tmp_path / 'shared'}")
    assert (code, err) == (0, "")
    for text in ("Training ae", "Model  ", " 1/2 ", " 2/2 ", "best checkpoint", "Evaluate it"):
        assert out.count(text) == 1  # only rank zero prints

    (path,) = (tmp_path / "shared").iterdir()
    shared = Run.open(path)
    assert {file.name for file in path.iterdir() if "events" not in file.name and file.name[0] != "."} == {
        "config.yaml", "metrics.json", "progress.json", "train.log", "checkpoints", "snapshots",
        "history.csv", "train", "val", "test",
    }  # fmt: skip
    assert len(list(path.glob("events*"))) == 1
    assert shared.metrics()["status"] == "finished"
    assert shared.metrics()["metrics"] == pytest.approx(alone.metrics()["metrics"], rel=1e-5)
    for which in ("best", "last", "epoch_0000", "epoch_0001", "epoch_0002"):
        states = [
            torch.load(run.checkpoint(which), weights_only=True)["state_dict"] for run in (alone, shared)
        ]
        for name, expected_weights in states[0].items():
            error = (states[1][name] - expected_weights).norm()
            assert error <= 1e-5 * expected_weights.norm(), name

    shared.config()  # needs no trust
    result = jlml.evaluate(jlml.compose(f"run={path}", "parts=[objective]", config_name="evaluate"))
    assert not result.failed


@pytest.mark.robustness
def test_two_machines_train_one_run(tmp_path):
    overrides = (*QUICK, "model=vae", "loss=cont_bern", "data.subset=150", "trainer.gradient_clip_val=100")
    alone = jlml.train(*overrides, parent=tmp_path / "alone").run.metrics()["metrics"]
    code, _, err = two_machines(*overrides, f"output_dir={tmp_path / 'shared'}")
    assert (code, err) == (0, "")
    (path,) = (tmp_path / "shared").iterdir()
    metrics = Run.open(path).metrics()["metrics"]
    assert metrics.keys() == alone.keys()
    assert metrics["test/mse"] == pytest.approx(alone["test/mse"], rel=0.2)  # the noise differs


@pytest.mark.parametrize("count", [128, 129, 135])
def test_training_shares_are_disjoint_equal_and_complete_up_to_the_remainder(count):
    images = torch.arange(count, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    labels = torch.arange(count)
    batches = TrainingBatches(images, labels, 32, "grey", 0, lambda: 0)
    shares = [list(TrainingShares(batches, rank, 4)) for rank in range(4)]
    assert len({len(share) for share in shares}) == 1
    assert all(len(TrainingShares(batches, rank, 4)) == len(shares[rank]) for rank in range(4))
    seen = torch.cat([labels for share in shares for _, labels in share])
    assert len(seen.unique()) == len(seen) == count - count % 4
    sizes = [[len(labels) for _, labels in share] for share in shares]
    assert sizes == [sizes[0]] * 4


@pytest.mark.parametrize(("count", "batch_size"), [(128, 32), (129, 32), (10, 1000)])
def test_every_evaluation_image_is_in_exactly_one_share(count, batch_size):
    images = torch.rand(count, 1, 2, 2)
    batches = EvaluationBatches(images, torch.arange(count), batch_size)
    shares = [list(EvaluationShares(batches, rank, 4)) for rank in range(4)]
    assert {len(share) for share in shares} == {len(batches)}  # all processes communicate equally often
    assert torch.cat([labels for share in shares for _, labels in share]).tolist() == list(range(count))
    assert all(len(labels) for share in shares for _, labels in share)


@pytest.mark.robustness
def test_a_loss_that_is_not_finite_is_reported(tmp_path):
    code, _, err = one_machine(
        *QUICK, "loss=mse", "loss.link=identity", "optimizer.lr=1e20", f"output_dir={tmp_path}"
    )
    assert code == 1
    assert "Error: Training has diverged at step" in err
    assert "Traceback" not in err
    (path,) = tmp_path.iterdir()
    assert Run(path).metrics()["status"] == "failed"


@pytest.mark.robustness
def test_a_failure_of_one_process_ends_all_processes(tmp_path):
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
    overrides = (*QUICK, *TWO, "model._target_=mine.Fragile", f"output_dir={tmp_path / 'runs'}")
    code, _, err = run(*overrides, PYTHONPATH=str(tmp_path))
    assert code != 0
    assert "RuntimeError: the decoder fell over" in err  # with the traceback of the process that failed
    (path,) = (tmp_path / "runs").iterdir()
    assert Run(path).state() != "running"


def test_a_sweep_of_runs_in_several_processes_is_refused(tmp_path):
    code, _, err = run("-m", *QUICK, *TWO, "seed=0,1", f"output_dir={tmp_path / 'runs'}")
    assert code == 1
    assert err.startswith("Error: trainer.strategy=ddp does not work with -m: ")
    assert len(err.splitlines()) == 1
    assert not list((tmp_path / "runs").glob("**/config.yaml"))
