"""Launchers as they are: two Ray nodes, submitit's processes; and how many threads a job gets."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import joblib
import pytest
from omegaconf import OmegaConf

from conftest import ROOT
from jlml.config import CONF
from jlml.sweeps.threads import threads_for

QUICK = ("data=mnist_5k", "data.subset=200", "callbacks=none", "logger=none", "model.hidden=[16]")


def sweep(where, *words):
    return subprocess.run(
        [sys.executable, "train.py", "-m", *QUICK, f"output_dir={where}", "sweep.name=it", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def records(where):
    return [json.loads(path.read_text()) for path in (where / "sweeps/it").glob("*/metrics.json")]


def side_by_side(records):
    """Whether two jobs were at work at the same time."""
    spans = sorted(
        (begun, begun + timedelta(seconds=record["wall_seconds"]))
        for record in records
        for begun in [datetime.fromisoformat(record["started"])]
    )
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


@pytest.fixture
def ray_cluster(tmp_path):
    """Two nodes of one CPU each on this machine, in a folder that is not where the sweep is begun."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "elsewhere").mkdir()
    sockets = Path("/tmp") / f"jlml_ray_{port}"  # a path of pytest's would be too long for them
    head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={sockets}"]
    with ExitStack() as nodes:
        nodes.callback(shutil.rmtree, sockets, ignore_errors=True)
        for words in (head, [f"--address=127.0.0.1:{port}"]):
            node = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1", "--block", *words],
                cwd=tmp_path / "elsewhere",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            nodes.callback(end_group, node)
            wait_for_nodes(f"127.0.0.1:{port}", 1 if words is head else 2)
        yield f"127.0.0.1:{port}"


def wait_for_nodes(address, count):
    """Until so many nodes belong to the cluster."""
    for _ in range(30):
        time.sleep(1)
        words = [sys.executable, "-m", "ray.scripts.scripts", "status", f"--address={address}"]
        status = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        if len(re.findall(r"^ 1 node_", status.stdout, flags=re.MULTILINE)) >= count:
            return
    pytest.fail(f"Ray has not started {count} nodes: {status.stdout} {status.stderr}")


def end_group(process):
    """Ends a process and all that it has started; Ray would take half a minute to do so in order."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_ray_cluster_of_two_nodes(tmp_path, ray_cluster):
    words = (
        "hydra/launcher=ray",
        f"hydra.launcher.ray.init.address={ray_cluster}",
        "model=ae",
        "seed=0,1,2,3",
    )
    swept = sweep(tmp_path / "out", *words, "trainer.max_epochs=40")
    assert swept.returncode == 0, swept.stderr
    found = records(tmp_path / "out")
    assert [record["status"] for record in found] == ["finished"] * 4
    assert side_by_side(found)  # each node has one CPU, and each job takes one
    assert not list((tmp_path / "elsewhere").rglob("*.json"))


def test_submitit_runs_jobs_in_processes_of_its_own(tmp_path):
    pytest.importorskip("submitit")
    words = ("hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1", "model=ae", "seed=0,1")
    swept = sweep(tmp_path, *words, "trainer.max_epochs=1")
    assert swept.returncode == 0, swept.stderr
    assert [record["status"] for record in records(tmp_path)] == ["finished"] * 2
    assert list((tmp_path / "sweeps/it/.submitit").glob("*"))


def test_the_slurm_file_is_what_the_plugin_takes():
    pytest.importorskip("submitit")
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    ours = OmegaConf.load(CONF / "hydra/launcher/submitit_slurm.yaml")
    OmegaConf.merge(OmegaConf.structured(SlurmQueueConf), ours)  # raises on a key that is not there


def test_a_launcher_that_is_not_installed_is_named(tmp_path):
    program = (
        "import importlib.util, runpy, sys; find = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name, *a: None if 'hydra_ray' in name else find(name, *a); "
        f"sys.argv = ['train.py', '-m', 'seed=0,1', 'hydra/launcher=ray', 'output_dir={tmp_path}/out']; "
        "runpy.run_path('train.py', run_name='__main__')"
    )
    refused = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("pip install 'jlml[ray]'.")
    assert not (tmp_path / "out").exists()


def test_cores_are_divided_among_jobs(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda *_, **__: 8)
    monkeypatch.setattr(joblib, "effective_n_jobs", lambda n: 8 if n == -1 else n)

    def threads(jobs, n_jobs=-1):
        return threads_for({"_target_": "joblib.JoblibLauncher", "n_jobs": n_jobs}, jobs)

    assert threads(24) == 1
    assert threads(2) == 4  # two jobs do not leave six cores idle
    assert threads(24, n_jobs=3) == 2
    assert threads(24, n_jobs=16) == 1
    assert threads_for({"_target_": "ray", "ray": {"remote": {"num_cpus": 4}}}, 9) == 4
    assert threads_for({"_target_": "submitit.SlurmLauncher", "cpus_per_task": 6}, 9) == 6
    assert threads_for({"_target_": "basic"}, 9) is None


def test_a_job_takes_the_threads_it_is_given(tmp_path):
    (tmp_path / "counting.py").write_text(
        "import torch\nfrom pathlib import Path\nfrom jlml.losses import Gaussian\n\n"
        "class Counting(Gaussian):\n"
        "    def nll(self, logits, images):\n"
        f"        Path({str(tmp_path)!r}, 'threads').write_text(str(torch.get_num_threads()))\n"
        "        return super().nll(logits, images)\n"
    )
    words = ("loss=mse", "loss._target_=counting.Counting", "model=ae", "seed=0,1", "trainer.max_epochs=1")
    swept = subprocess.run(
        [sys.executable, "train.py", "-m", *QUICK, f"output_dir={tmp_path}", *words, "threads=3"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert swept.returncode == 0, swept.stderr
    assert (tmp_path / "threads").read_text() == "3"
