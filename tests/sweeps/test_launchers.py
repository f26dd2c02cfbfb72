"""Launchers as they are: two Ray nodes, submitit's processes; and how many threads a job gets."""

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

from jlml.config import CONF
from jlml.errors import UserError
from jlml.sweeps import command
from jlml.sweeps.threads import threads_for
from sweeping import NARROW, completed, records, statuses


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


def test_joblib_runs_a_job_per_core_unless_told_otherwise():
    *_, hydra = command.parsed(["seed=0,1", "hydra/launcher=joblib"])
    assert hydra.launcher.n_jobs == -1


def test_the_slurm_file_is_what_the_plugin_takes():
    pytest.importorskip("submitit")
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    ours = OmegaConf.load(CONF / "hydra/launcher/submitit_slurm.yaml")
    OmegaConf.merge(OmegaConf.structured(SlurmQueueConf), ours)  # raises on a key that is not there


def test_a_launcher_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'jlml\[ray\]'"):
        command.parsed(["seed=0,1", "hydra/launcher=ray"])


@pytest.mark.robustness
def test_submitit_runs_jobs_in_processes_of_its_own(tmp_path):
    pytest.importorskip("submitit")
    launcher = ("hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1")
    code, _, err = completed(tmp_path, *launcher, "model=ae", "seed=0,1", *NARROW)
    assert code == 0, err
    assert statuses(tmp_path) == ["finished"] * 2
    assert list((tmp_path / "sweeps/it/.submitit").glob("*"))
    config = OmegaConf.load(tmp_path / "sweeps/it/seed-0/config.yaml")
    assert config.threads == 1


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
        for arguments in (head, [f"--address=127.0.0.1:{port}"]):
            node = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1", "--block", *arguments],
                cwd=tmp_path / "elsewhere",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            nodes.callback(end_group, node)
            wait_for_nodes(f"127.0.0.1:{port}", 1 if arguments is head else 2)
        yield f"127.0.0.1:{port}"


def wait_for_nodes(address, number):
    """Until this number of nodes belong to the cluster."""
    for _ in range(30):
        time.sleep(1)
        command = [sys.executable, "-m", "ray.scripts.scripts", "status", f"--address={address}"]
        status = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if len(re.findall(r"^ 1 node_", status.stdout, flags=re.MULTILINE)) >= number:
            return
    pytest.fail(f"Ray has not started {number} nodes: {status.stdout} {status.stderr}")


def end_group(process):
    """Ends a process and all that it has started; Ray would take half a minute to do so in order."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.robustness
def test_a_ray_cluster_of_two_nodes(tmp_path, ray_cluster):
    launcher = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray_cluster}")
    overrides = ("model=ae", "model.hidden=[16]", "seed=0,1,2,3", "trainer.max_epochs=40")
    code, _, err = completed(tmp_path / "out", *launcher, *overrides)
    assert code == 0, err
    assert statuses(tmp_path / "out") == ["finished"] * 4
    assert side_by_side(records(tmp_path / "out").values())  # each node has one CPU, and each job takes one
    assert not list((tmp_path / "elsewhere").rglob("*.json"))
