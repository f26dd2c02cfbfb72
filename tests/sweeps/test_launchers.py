"""Real launchers (a Ray cluster of two nodes, submitit), and the number of threads of a job."""

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
    assert threads(2) == 4  # two jobs share all eight cores
    assert threads(24, n_jobs=3) == 2
    assert threads(24, n_jobs=16) == 1
    assert threads_for({"_target_": "ray", "ray": {"remote": {"num_cpus": 4}}}, 9) == 4
    assert threads_for({"_target_": "submitit.SlurmLauncher", "cpus_per_task": 6}, 9) == 6
    assert threads_for({"_target_": "basic"}, 9) is None


def test_joblib_runs_one_job_per_core_by_default():
    *_, hydra = command.parsed(["seed=0,1", "hydra/launcher=joblib"])
    assert hydra.launcher.n_jobs == -1


def test_the_plugin_accepts_every_key_of_the_slurm_config():
    pytest.importorskip("submitit")
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    ours = OmegaConf.load(CONF / "hydra/launcher/submitit_slurm.yaml")
    OmegaConf.merge(OmegaConf.structured(SlurmQueueConf), ours)  # raises for an unknown key


def test_the_error_of_a_missing_launcher_names_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'jlml\[ray\]'"):
        command.parsed(["seed=0,1", "hydra/launcher=ray"])


@pytest.mark.robustness
def test_submitit_runs_jobs_in_its_own_processes(tmp_path):
    pytest.importorskip("submitit")
    launcher = ("hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1")
    code, _, err = completed(tmp_path, *launcher, "model=ae", "seed=0,1", *NARROW)
    assert code == 0, err
    assert statuses(tmp_path) == ["finished"] * 2
    assert list((tmp_path / "sweeps/it/.submitit").glob("*"))
    config = OmegaConf.load(tmp_path / "sweeps/it/seed-0/config.yaml")
    assert config.threads == 1


def any_overlap(records):
    """Whether two jobs ran at the same time."""
    spans = sorted(
        (start, start + timedelta(seconds=record["wall_seconds"]))
        for record in records
        for start in [datetime.fromisoformat(record["started"])]
    )
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


@pytest.fixture
def ray_cluster(tmp_path):
    """Two nodes with one CPU each on this machine. They run in another folder than the sweep command."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "elsewhere").mkdir()
    sockets = Path("/tmp") / f"jlml_ray_{port}"  # a socket path in tmp_path would be too long
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
    """Waits until the cluster has this number of nodes."""
    for _ in range(30):
        time.sleep(1)
        command = [sys.executable, "-m", "ray.scripts.scripts", "status", f"--address={address}"]
        status = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if len(re.findall(r"^ 1 node_", status.stdout, flags=re.MULTILINE)) >= number:
            return
    pytest.fail(f"Ray has not started {number} nodes: {status.stdout} {status.stderr}")


def end_group(process):
    """Kills a process and everything it has started. A regular shutdown of Ray takes half a minute."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.robustness
def test_a_ray_cluster_of_two_nodes_runs_two_jobs_at_a_time(tmp_path, ray_cluster):
    launcher = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray_cluster}")
    overrides = ("model=ae", "model.hidden=[16]", "seed=0,1,2,3", "trainer.max_epochs=40")
    code, _, err = completed(tmp_path / "out", *launcher, *overrides)
    assert code == 0, err
    assert statuses(tmp_path / "out") == ["finished"] * 4
    assert any_overlap(records(tmp_path / "out").values())  # each node has one CPU, each job needs one
    assert not list((tmp_path / "elsewhere").rglob("*.json"))
