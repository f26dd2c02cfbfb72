"""Sweeps as a user meets them: whole commands, failures, kills, and the same command again."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from conftest import ROOT

QUICK = ("data=mnist_5k", "data.subset=200", "data.batch_size=50", "callbacks=none", "logger=none")
NARROW = "model.hidden=[16]"


def command(where, *words):
    return [sys.executable, "train.py", "-m", *QUICK, f"output_dir='{where}'", "sweep.name=it", *words]


def sweep(where, *words, **environment):
    return subprocess.run(
        command(where, *words),
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def results(where):
    with (where / "sweeps/it/results.csv").open() as file:
        return {row["job"]: row for row in csv.DictReader(file)}


def starts(where):
    """How often each job has begun or gone on."""
    logs = (where / "sweeps/it").glob("*/train.log")
    return {log.parent.name: len(re.findall("INFO jlml.training: Choices", log.read_text())) for log in logs}


def test_a_sweep_its_folder_its_answer_and_the_same_command_again(tmp_path):
    words = ("model=ae,vae", "latent=d2,d8", "seed=0,1", "trainer.max_epochs=1", NARROW)
    first = sweep(tmp_path, *words)
    assert first.returncode == 0, first.stderr
    assert not first.stderr
    folder = tmp_path / "sweeps/it"
    rows = results(tmp_path)
    assert len(rows) == 8
    for job, row in rows.items():
        assert row["status"] == "finished"
        metrics = json.loads((folder / job / "metrics.json").read_text())["metrics"]
        assert float(row["val/mse"]) == metrics["val/mse"]
    content = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert content["over"] == ["model", "latent", "seed"]
    assert set(content["jobs"]) == set(rows)
    for word in ("8 of 8 jobs done", "By val/mse", "mean ± standard deviation over seeds", "answer.png"):
        assert word in first.stdout
    # the ranking after each job: the last one holds all but the last job
    assert first.stdout.count("By val/mse") == 8
    assert (folder / "answer.png").stat().st_size > 5000
    config = yaml.safe_load((folder / "model-ae_latent-d2_seed-0/config.yaml").read_text())
    assert "sweep" not in config
    assert not any(word.startswith("sweep.") for word in config["changes"])

    began = starts(tmp_path)
    again = sweep(tmp_path, *words)
    assert again.returncode == 0, again.stderr
    assert starts(tmp_path) == began
    grown = sweep(tmp_path, *words[:2], "seed=0,1,2", *words[3:])
    assert grown.returncode == 0, grown.stderr
    assert len(results(tmp_path)) == 12
    assert {job: starts(tmp_path)[job] for job in began} == began

    compared = subprocess.run(
        [sys.executable, "evaluate.py", f"sweep={folder}", "parts=[reconstruction]"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert compared.returncode == 0, compared.stderr
    assert "12 runs" in compared.stdout


def test_a_failed_job_is_recorded_and_the_rest_goes_on(tmp_path):
    words = ("model=conv_ae", "model.code=spatial", "latent.dim=2,16", "seed=0,1")
    first = sweep(tmp_path, *words, "trainer.max_epochs=1", "hydra/launcher=joblib")
    assert first.returncode == 1
    rows = results(tmp_path)
    assert [row["status"] for row in rows.values()] == ["failed", "failed", "finished", "finished"]
    for row in list(rows.values())[:2]:
        assert "does not fit a spatial code" in row["error"]
    assert first.stdout.count("Failed: ") == 2
    assert "2 of 4 jobs failed" in first.stderr.splitlines()[-1]
    assert "Traceback" not in first.stderr

    began = starts(tmp_path)
    metrics = tmp_path / "sweeps/it" / next(iter(rows)) / "metrics.json"
    before = metrics.stat().st_mtime_ns
    again = sweep(tmp_path, *words, "trainer.max_epochs=1")
    assert again.returncode == 1
    assert metrics.stat().st_mtime_ns == before  # neither tried again
    retried = sweep(tmp_path, *words, "trainer.max_epochs=1", "sweep.retry=true")
    assert retried.returncode == 1
    assert metrics.stat().st_mtime_ns > before
    assert starts(tmp_path) == began


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("model=ae",), "no word has several"),
        (("latent.dim=2,0",), "latent.dim=0 is not possible"),
        (("seed=0,1", "sweep.rank=test/mse"), "sweep.rank=test/mse is not possible"),
        (("seed=0,1", "sweep.name=../away"), "sweep.name=../away is not possible"),
        (("model=ae,vea",), "model=vea is not a choice. Did you mean vae"),
        (("seed=0,1", "hydra/launcher=jolib"), "hydra/launcher=jolib is not a choice"),
        (("seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), "hydra.launcher.n_jobs=0 is not"),
        (("seed=0,1", "--config-dir=/tmp"), "and not --config-dir=/tmp"),
        (("seed=0,1", "resume=there"), "resume=... is one run"),
    ],
)
def test_a_mistake_leaves_nothing_behind(tmp_path, words, says):
    refused = sweep(tmp_path / "runs", *words)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_another_sweep_of_the_same_name_is_refused(tmp_path):
    words = ("seed=0,1", "model=ae", NARROW)
    assert sweep(tmp_path, *words, "trainer.max_epochs=1").returncode == 0
    for other, says in [
        ((*words, "trainer.max_epochs=2"), "trainer.max_epochs=1 then, trainer.max_epochs=2 now"),
        ((*words, "latent=d2,d8", "trainer.max_epochs=1"), "this one is over seed, latent"),
    ]:
        refused = sweep(tmp_path, *other)
        assert refused.returncode == 1
        assert says in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    # the words are the same, and yet the run is another: its config was changed by hand
    config = tmp_path / "sweeps/it/seed-0/config.yaml"
    config.write_text(config.read_text().replace("lr: 0.001", "lr: 0.5"))
    changed = sweep(tmp_path, *words, "trainer.max_epochs=1")
    assert changed.returncode == 1
    assert "Failed: seed=0: " in changed.stdout
    assert "optimizer.lr was 0.5 and is 0.001" in changed.stdout
    assert finished(tmp_path) == {"seed-0", "seed-1"}  # what is there is left as it is
    assert [row["status"] for row in results(tmp_path).values()] == ["failed", "finished"]


def test_two_commands_grow_one_sweep_at_once(tmp_path):
    """Started at the same instant, neither loses what the other has planned or finished."""
    words = ("model=ae", NARROW, "trainer.max_epochs=1")
    processes = [
        subprocess.Popen(
            command(tmp_path, *words, seeds),
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seeds in ("seed=0,1", "seed=2,3")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert {row["status"] for row in results(tmp_path).values()} == {"finished"}
    assert len(results(tmp_path)) == 4
    assert set(starts(tmp_path).values()) == {1}
    assert "mse,4," in (tmp_path / "sweeps/it/groups.csv").read_text()


def test_a_kill_before_anything_is_written_does_not_close_the_folder(tmp_path):
    folder = tmp_path / "sweeps/it"
    folder.mkdir(parents=True)
    (folder / ".sweep.yaml.123").touch()  # half of a file, as a killed process leaves it
    assert sweep(tmp_path, "seed=0,1", "model=ae", NARROW, "trainer.max_epochs=1").returncode == 0


def kill(process, *, group):
    """As the system kills: without a word. With its workers, or the parent alone."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def wait_for(path: Path, count: int, seconds: float = 120) -> None:
    """Until so many files match."""
    end = time.monotonic() + seconds
    while len(list(path.parent.glob(path.name))) < count and time.monotonic() < end:
        time.sleep(0.05)


def finished(where):
    found = (where / "sweeps/it").glob("*/metrics.json")
    return {path.parent.name for path in found if json.loads(path.read_text())["status"] == "finished"}


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_killed_twice_and_completed_by_the_same_command(tmp_path, launcher):
    seeds = "seed=0,1,2,3,4,5,6,7"
    words = (seeds, "model=vae", NARROW, "trainer.max_epochs=15", f"hydra/launcher={launcher}")
    chance = random.Random(launcher)
    done = set()
    for group in (True, False):
        process = subprocess.Popen(
            command(tmp_path, *words),
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 120
        while len(finished(tmp_path)) <= len(done) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.5))
        kill(process, group=group)
        done = finished(tmp_path)
    assert 2 <= len(done) < 8
    kept = {job: (tmp_path / "sweeps/it" / job / "checkpoints/last.ckpt").read_bytes() for job in done}
    last = sweep(tmp_path, *words)
    assert last.returncode == 0, last.stderr
    assert {row["status"] for row in results(tmp_path).values()} == {"finished"}
    for job, content in kept.items():
        assert starts(tmp_path)[job] <= 3
        assert (tmp_path / "sweeps/it" / job / "checkpoints/last.ckpt").read_bytes() == content
    # nothing was begun anew but what was in flight: one job a kill; two where two run side by side, and two
    # more that workers may begin in the moment before they see that their parent is gone
    assert sum(starts(tmp_path).values()) - 8 <= (6 if launcher == "joblib" else 2)


def test_a_killed_worker_is_replaced_and_its_job_goes_on(tmp_path):
    words = ("seed=0,1,2,3", "model=vae", NARROW, "trainer.max_epochs=30", "hydra/launcher=joblib")
    process = subprocess.Popen(
        command(tmp_path, *words, "hydra.launcher.n_jobs=2"),
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(tmp_path / "sweeps/it/seed-0/checkpoints/last.ckpt", 1)
    workers = [pid for pid in children(process.pid) if "loky" in command_line(pid)]
    victim = max(workers, key=seconds_used)
    os.kill(victim, signal.SIGKILL)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "4 of 4 jobs done" in output
    assert {row["status"] for row in results(tmp_path).values()} == {"finished"}
    assert sum(starts(tmp_path).values()) in (5, 6)  # the victim's job, and its neighbour's


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("needs /proc")
    return [
        int(child)
        for task in listed.parent.parent.iterdir()
        for child in (task / "children").read_text().split()
    ]


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


def seconds_used(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_job_whose_process_dies_every_time_has_failed_and_the_rest_goes_on(tmp_path):
    """A memory too small, say: here a model that kills its process."""
    (tmp_path / "deadly.py").write_text(
        "import os, signal\nfrom jlml.losses import Gaussian\n\n"
        "class Deadly(Gaussian):\n"
        "    def nll(self, logits, images):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = ("loss=mse", "loss._target_=deadly.Deadly,jlml.losses.Gaussian", "seed=0,1", "model=ae", NARROW)
    swept = sweep(tmp_path, *words, "trainer.max_epochs=1", "hydra/launcher=joblib", PYTHONPATH=str(tmp_path))
    assert swept.returncode == 1
    rows = results(tmp_path)
    # all workers end with one; and yet no innocent job is blamed
    failed = {row["loss._target_"] for row in rows.values() if row["status"] == "failed"}
    assert failed == {"deadly.Deadly"}
    assert [row["status"] for row in rows.values()].count("finished") == 2
    assert all("killed twice" in row["error"] for row in rows.values() if row["status"] == "failed")
    assert "2 of 4 jobs failed" in swept.stderr
