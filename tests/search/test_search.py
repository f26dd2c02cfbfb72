"""Whole searches: what they find and prune, what they leave and say, what survives a kill."""

import os
import random
import re
import shutil
import signal
import sys
import time
from collections import Counter

import pytest

import jlml
from jlml.cli.found import show_found
from jlml.config import compose, plain
from jlml.errors import UserError
from jlml.runs import Run
from jlml.search import search
from searches import PLANTED, SMALL, TRIALS, WIDTH, finished, rows_of, start, wait_for

MAY_DIFFER = ("attempts", "run", "seconds")  # between two searches that found the same


def run_search(folder, *overrides):
    return search(compose(*overrides, f"output_dir={folder}"))


def found_in(folder):
    return [{key: value for key, value in row.items() if key not in MAY_DIFFER} for row in rows_of(folder)]


def starts(folder):
    """How often training has begun or resumed, by trial."""
    logs = sorted(folder.glob("trial-*/train.log"))
    return [len(re.findall(r"INFO jlml\.training\.\w+: Choices", log.read_text())) for log in logs]


@pytest.fixture(scope="module")
def planted(tmp_path_factory, data_root):
    """A search that nothing disturbed."""
    return run_search(tmp_path_factory.mktemp("planted"), *PLANTED, f"data.root={data_root}")


def test_it_finds_what_was_planted(planted):
    rows = rows_of(planted.trials.folder)
    complete = [float(row["val/loss"]) for row in rows if row["state"] == "complete"]
    best = planted.best.metrics()["metrics"]["val/loss"]
    assert planted.value == min(complete) == best
    assert planted.best.config()["optimizer"]["lr"] > 1e-3
    by_rate = sorted(rows, key=lambda row: float(row["optimizer.lr"]))
    assert float(by_rate[0]["val/loss"]) > float(by_rate[-1]["val/loss"]) + 20


def test_each_trial_is_an_ordinary_run(planted):
    config = planted.best.config()
    assert "search" not in config
    assert "search" not in config["choices"]
    assert not any("search" in change for change in config["changes"])
    assert jlml.load(planted.best.path).latent_dim == 2
    assert str(planted.best.path) in {row["run"] for row in rows_of(planted.trials.folder)}
    assert starts(planted.trials.folder) == [1] * TRIALS


def test_the_shown_command_composes_the_best_config(planted, capsys):
    show_found(planted)
    shown = capsys.readouterr().out
    (command,) = [line for line in shown.splitlines() if line.startswith("Train it")]
    config = plain(compose(*(word.strip("'") for word in command.split("train.py ")[1].split())))
    best = planted.best.config()
    for group in ("model", "loss", "optimizer", "latent", "trainer"):
        assert config[group] == best[group]
    assert f"Evaluate it  python evaluate.py run={planted.best.path}" in shown


def test_a_bad_trial_is_pruned_and_can_be_evaluated(planted):
    pruned = [row for row in rows_of(planted.trials.folder) if row["state"] == "pruned"]
    assert pruned
    for row in pruned:
        run = Run.open(row["run"])
        assert (run.metrics()["status"], run.metrics()["epochs"], row["epochs"]) == ("pruned", 2, "2")
        assert "Traceback" not in (run.path / "train.log").read_text()
        run.load_model("best")
    assert planted.counts == {"complete": TRIALS - len(pruned), "pruned": len(pruned)}


def test_the_same_command_trains_nothing_again_and_more_trials_extend_it(tmp_path, planted):
    """Also where the search has been moved."""
    folder = tmp_path / "searches" / planted.trials.folder.name
    shutil.copytree(planted.trials.folder, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    again = run_search(tmp_path, *PLANTED)
    assert (again.trials.folder, again.value) == (folder, planted.value)
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    extended = run_search(tmp_path, *PLANTED[:-1], f"search.trials={TRIALS + 1}")
    assert sum(extended.counts.values()) == TRIALS + 1
    assert found_in(folder)[:TRIALS] == found_in(planted.trials.folder)


def test_failed_trials_are_listed_and_without_a_complete_one_the_search_fails(tmp_path, capsys):
    found = run_search(tmp_path, *SMALL, "+search.ranges.optimizer.lr=[1e29,1e30]", "search.trials=2")
    assert found.counts == {"failed": 2}
    assert all("Training has diverged" in row["error"] for row in rows_of(found.trials.folder))
    with pytest.raises(UserError, match="No trial of .* is complete"):
        show_found(found)
    assert "Trial 1 failed: Training has diverged" in capsys.readouterr().out


def test_training_refuses_a_search():
    with pytest.raises(UserError, match="trains many runs"):
        jlml.train(compose(*SMALL, WIDTH))


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.robustness
def test_killed_and_resumed_by_the_same_command_it_ends_as_if_never_killed(tmp_path, planted):
    folder = tmp_path / "searches" / planted.trials.folder.name
    process = start(tmp_path, *PLANTED)
    wait_for((folder / "trial-0002/checkpoints/last.ckpt").exists, process)
    kill(process)
    out = finished(start(tmp_path, *PLANTED))
    resumed = [line for line in out.splitlines() if ", resumed: " in line]
    assert [line.split(",")[0] for line in resumed] == ["trial 2"]
    assert found_in(folder) == found_in(planted.trials.folder)
    assert Counter(row["attempts"] for row in rows_of(folder)) == {"1": TRIALS - 1, "2": 1}


@pytest.mark.robustness
def test_interrupted_it_says_how_to_resume(tmp_path):
    process = start(tmp_path, *PLANTED, "search.name=it", "trainer.max_epochs=200", "search.pruning=false")
    wait_for((tmp_path / "searches/it/trial-0000/checkpoints/last.ckpt").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.endswith(f"The same command resumes the search, in {tmp_path}/searches/it.\n")
    assert Run(tmp_path / "searches/it/trial-0000").metrics()["status"] == "interrupted"


def assert_shared(folder, kills):
    """Every trial was trained once, but for those that a kill cut off."""
    rows = rows_of(folder)
    assert [int(row["trial"]) for row in rows] == list(range(TRIALS))
    assert {row["state"] for row in rows} <= {"complete", "pruned"}
    assert len({row["optimizer.lr"] for row in rows}) == TRIALS  # no two drew the same
    assert sorted(path.name for path in folder.glob("trial-*")) == [f"trial-{n:04d}" for n in range(TRIALS)]
    assert sum(starts(folder)) <= TRIALS + kills


@pytest.mark.robustness
def test_two_processes_share_a_search_killed_at_random_moments(tmp_path):
    overrides, folder = [*PLANTED, "search.name=it"], tmp_path / "searches/it"
    chance, moments = random.Random(0), (0, 2, 3, 4)
    processes = [start(tmp_path, *overrides) for _ in range(2)]
    for number in moments:
        wait_for((folder / f"trial-{number:04d}/progress.json").exists, processes[0])
        time.sleep(chance.uniform(0, 1))
        kill(processes.pop(0))
        processes.append(start(tmp_path, *overrides))
    for process in processes:
        finished(process)
    out = finished(start(tmp_path, *overrides))  # if a process was killed when the other had ended
    assert f"{TRIALS} of {TRIALS} trials" in out
    assert_shared(folder, kills=len(moments))


@pytest.mark.robustness
def test_two_processes_share_a_database_and_one_is_killed(tmp_path):
    """With heartbeats every second instead of every half minute."""
    program = (
        "import jlml.search.storage as storage; storage.HEARTBEAT, storage.GRACE = 1, 3; "
        "from jlml.cli.train import main; main()"
    )
    folder = tmp_path / "searches/it"
    overrides = [*PLANTED, "search.name=it", f"search.storage='sqlite:///{tmp_path}/study.db'"]
    command = [sys.executable, "-c", program]
    one, other = (start(tmp_path, *overrides, command=command) for _ in range(2))
    wait_for((folder / "trial-0002/checkpoints/last.ckpt").exists, one)
    kill(one)
    finished(other)
    time.sleep(4)
    out = finished(start(tmp_path, *overrides, command=command))
    assert f"{TRIALS} of {TRIALS} trials" in out
    assert "sqlite" not in out
    assert_shared(folder, kills=1)
