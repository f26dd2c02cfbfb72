"""Sweeps whose processes are killed, at random and at critical moments."""

import csv
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from sweeping import NARROW, completed, records, results, start, starts, statuses

pytestmark = pytest.mark.robustness


def kill(process, *, group):
    """Kills a process without a warning, with its workers or alone."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def finished(where):
    return {job for job, record in records(where).items() if record["status"] == "finished"}


def has_more_than(where, before):
    return len(finished(where)) > before


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_killed_twice_is_completed_by_the_same_command(tmp_path, launcher):
    """The first kill includes the workers, the second one only the parent."""
    overrides = ("seed=0,1,2,3,4", "model=vae", "model.hidden=[16]", "trainer.max_epochs=15")
    overrides += (f"hydra/launcher={launcher}",)
    chance, done = random.Random(launcher), set()
    for group in (True, False):
        process = start(tmp_path, *overrides)
        wait_for(partial(has_more_than, tmp_path, len(done)))
        time.sleep(chance.uniform(0, 0.5))
        kill(process, group=group)
        done = finished(tmp_path)
    assert 2 <= len(done) < 5
    kept = {job: (tmp_path / "sweeps/it" / job / "checkpoints/last.ckpt").read_bytes() for job in done}
    code, _, err = completed(tmp_path, *overrides)
    assert code == 0, err
    assert statuses(tmp_path) == ["finished"] * 5
    for job, content in kept.items():
        assert (tmp_path / "sweeps/it" / job / "checkpoints/last.ckpt").read_bytes() == content
    # Only interrupted jobs were started again. A kill interrupts one job, or two with joblib. There, workers
    # can start two more jobs before they notice that their parent is gone.
    assert sum(starts(tmp_path).values()) - 5 <= (6 if launcher == "joblib" else 2)


def test_a_killed_worker_is_replaced_and_its_job_resumed(tmp_path):
    overrides = ("seed=0,1,2", "model=vae", "model.hidden=[16]", "trainer.max_epochs=30")
    process = start(tmp_path, *overrides, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    wait_for((tmp_path / "sweeps/it/seed-0/checkpoints/last.ckpt").exists)
    workers = [pid for pid in children(process.pid) if "loky" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(max(workers, key=seconds_used), signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "3 of 3 jobs done" in out
    assert statuses(tmp_path) == ["finished"] * 3
    # the job of the killed worker started again, and maybe the one that ran next to it
    assert sum(starts(tmp_path).values()) in (4, 5)


def children(pid):
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        pytest.skip("needs /proc")
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def seconds_used(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


@pytest.mark.parametrize("where", ["before training", "in training"])
def test_a_job_that_kills_its_process_twice_has_failed_and_the_others_are_trained(where, tmp_path):
    """In practice the cause can be a lack of memory. Here a loss kills its process."""
    (tmp_path / "deadly.py").write_text(
        "import os, signal\nfrom jlml.losses import Gaussian\n\n"
        "class Deadly(Gaussian):\n"
        "    def nll(self, logits, images):\n"
        f"        if {where == 'before training'} or len(images) > 2:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().nll(logits, images)\n"
    )
    losses = "loss._target_=deadly.Deadly,jlml.losses.Gaussian"
    overrides = ("loss=mse", losses, "seed=0,1", "model=ae", *NARROW, "hydra/launcher=joblib")
    code, _, err = completed(tmp_path, *overrides, PYTHONPATH=with_folder(tmp_path))
    assert code == 1
    assert "2 of 4 jobs failed" in err
    # one killed worker ends all workers, but the other jobs are not recorded as failed
    for row in results(tmp_path).values():
        is_deadly = row["loss._target_"] == "deadly.Deadly"
        assert row["status"] == ("failed" if is_deadly else "finished")
        assert ("killed twice" in row["error"]) == is_deadly


def with_folder(folder):
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def test_two_commands_extend_one_sweep_at_the_same_time(tmp_path):
    """They start at the same time, and jobs or results of neither are lost."""
    processes = [start(tmp_path, "model=ae", *NARROW, seeds) for seeds in ("seed=0,1", "seed=2,3")]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert statuses(tmp_path) == ["finished"] * 4
    assert set(starts(tmp_path).values()) == {1}
    with (tmp_path / "sweeps/it/groups.csv").open() as file:
        assert {row["seeds"] for row in csv.DictReader(file)} == {"4"}
