"""Complete searches: best trial, pruning, output, resuming, and processes that are killed."""

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
from searches import SEARCH, SMALL, TRIALS, WIDTH, finished, rows_of, start, wait_for

MAY_DIFFER = ("attempts", "run", "seconds")  # columns that can differ between searches with the same results


def run_search(folder, *overrides):
    return search(compose(*overrides, f"output_dir={folder}"))


def found_in(folder):
    return [{key: value for key, value in row.items() if key not in MAY_DIFFER} for row in rows_of(folder)]


def starts(folder):
    """How often training was started or resumed, by trial."""
    logs = sorted(folder.glob("trial-*/train.log"))
    return [len(re.findall(r"INFO jlml\.training\.\w+: Choices", log.read_text())) for log in logs]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, data_root):
    """A search that was not interrupted."""
    return run_search(tmp_path_factory.mktemp("uninterrupted"), *SEARCH, f"data.root={data_root}")


def test_the_best_trial_has_the_lowest_loss_and_a_useful_learning_rate(uninterrupted):
    rows = rows_of(uninterrupted.trials.folder)
    complete = [float(row["val/loss"]) for row in rows if row["state"] == "complete"]
    best = uninterrupted.best.metrics()["metrics"]["val/loss"]
    assert uninterrupted.value == min(complete) == best
    assert uninterrupted.best.config()["optimizer"]["lr"] > 1e-3
    by_rate = sorted(rows, key=lambda row: float(row["optimizer.lr"]))
    assert float(by_rate[0]["val/loss"]) > float(by_rate[-1]["val/loss"]) + 20


def test_each_trial_is_an_ordinary_run(uninterrupted):
    config = uninterrupted.best.config()
    assert "search" not in config
    assert "search" not in config["choices"]
    assert not any("search" in change for change in config["changes"])
    assert jlml.load(uninterrupted.best.path).latent_dim == 2
    assert str(uninterrupted.best.path) in {row["run"] for row in rows_of(uninterrupted.trials.folder)}
    assert starts(uninterrupted.trials.folder) == [1] * TRIALS


def test_the_printed_command_composes_the_best_config(uninterrupted, capsys):
    show_found(uninterrupted)
    shown = capsys.readouterr().out
    (command,) = [line for line in shown.splitlines() if line.startswith("Train it")]
    overrides = [override.strip("'") for override in command.split("train.py ")[1].split()]
    config = plain(compose(*overrides))
    best = uninterrupted.best.config()
    for group in ("model", "loss", "optimizer", "latent", "trainer"):
        assert config[group] == best[group]
    assert f"Evaluate it  python evaluate.py run={uninterrupted.best.path}" in shown


def test_a_bad_trial_is_pruned_and_can_be_evaluated(uninterrupted):
    pruned = [row for row in rows_of(uninterrupted.trials.folder) if row["state"] == "pruned"]
    assert pruned
    for row in pruned:
        run = Run.open(row["run"])
        assert (run.metrics()["status"], run.metrics()["epochs"], row["epochs"]) == ("pruned", 2, "2")
        assert "Traceback" not in (run.path / "train.log").read_text()
        run.load_model("best")
    assert uninterrupted.counts == {"complete": TRIALS - len(pruned), "pruned": len(pruned)}


def test_a_repeated_command_trains_nothing_again_and_more_trials_extend_the_search(tmp_path, uninterrupted):
    """This also holds for a search that was moved to another folder."""
    folder = tmp_path / "searches" / uninterrupted.trials.folder.name
    shutil.copytree(uninterrupted.trials.folder, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    again = run_search(tmp_path, *SEARCH)
    assert (again.trials.folder, again.value) == (folder, uninterrupted.value)
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/*")}
    extended = run_search(tmp_path, *SEARCH[:-1], f"search.trials={TRIALS + 1}")
    assert sum(extended.counts.values()) == TRIALS + 1
    assert found_in(folder)[:TRIALS] == found_in(uninterrupted.trials.folder)


def test_failed_trials_are_listed_and_a_search_without_a_complete_trial_fails(tmp_path, capsys):
    found = run_search(tmp_path, *SMALL, "+search.ranges.optimizer.lr=[1e29,1e30]", "search.trials=2")
    assert found.counts == {"failed": 2}
    assert all("Training has diverged" in row["error"] for row in rows_of(found.trials.folder))
    with pytest.raises(UserError, match="No trial of .* is complete"):
        show_found(found)
    assert "Trial 1 failed: Training has diverged" in capsys.readouterr().out


def test_jlml_train_refuses_the_config_of_a_search():
    with pytest.raises(UserError, match="trains many runs"):
        jlml.train(compose(*SMALL, WIDTH))


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.robustness
def test_a_killed_and_resumed_search_equals_an_uninterrupted_one(tmp_path, uninterrupted):
    folder = tmp_path / "searches" / uninterrupted.trials.folder.name
    process = start(tmp_path, *SEARCH)
    wait_for((folder / "trial-0002/checkpoints/last.ckpt").exists, process)
    kill(process)
    out = finished(start(tmp_path, *SEARCH))
    resumed = [line for line in out.splitlines() if ", resumed: " in line]
    assert [line.split(",")[0] for line in resumed] == ["Trial 2"]
    assert found_in(folder) == found_in(uninterrupted.trials.folder)
    assert Counter(row["attempts"] for row in rows_of(folder)) == {"1": TRIALS - 1, "2": 1}


@pytest.mark.robustness
def test_an_interrupted_search_prints_how_to_resume(tmp_path):
    process = start(tmp_path, *SEARCH, "search.name=it", "trainer.max_epochs=200", "search.pruning=false")
    wait_for((tmp_path / "searches/it/trial-0000/checkpoints/last.ckpt").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith(f"The same command resumes the search, in {tmp_path}/searches/it.\n")
    assert Run(tmp_path / "searches/it/trial-0000").metrics()["status"] == "interrupted"


def assert_shared(folder, kills):
    """Checks that processes shared a search: only trials that a kill cut off were started twice."""
    rows = rows_of(folder)
    assert [int(row["trial"]) for row in rows] == list(range(TRIALS))
    # by chance, all kills can hit one trial, which has then failed
    unlucky = [row for row in rows if "was killed 3 times" in row["error"]]
    assert {row["state"] for row in rows if row not in unlucky} <= {"complete", "pruned"}
    assert all((row["state"], row["attempts"]) == ("failed", "3") for row in unlucky)
    assert len({row["optimizer.lr"] for row in rows}) == TRIALS  # no two trials have the same parameters
    assert sorted(path.name for path in folder.glob("trial-*")) == [f"trial-{n:04d}" for n in range(TRIALS)]
    assert sum(starts(folder)) <= TRIALS + kills


@pytest.mark.robustness
def test_processes_that_are_killed_at_random_moments_share_a_search(tmp_path):
    overrides, folder = [*SEARCH, "search.name=it"], tmp_path / "searches/it"
    chance, moments = random.Random(0), (0, 2, 3, 4)
    processes = [start(tmp_path, *overrides) for _ in range(2)]
    for number in moments:
        wait_for((folder / f"trial-{number:04d}/progress.json").exists, processes[0])
        time.sleep(chance.uniform(0, 1))
        kill(processes.pop(0))
        processes.append(start(tmp_path, *overrides))
    for process in processes:
        finished(process)
    out = finished(start(tmp_path, *overrides))  # needed if the last kill came after the other process ended
    assert f"{TRIALS} of {TRIALS} trials" in out
    assert_shared(folder, kills=len(moments))


@pytest.mark.robustness
def test_two_processes_share_a_search_in_a_database_and_one_is_killed(tmp_path):
    """Heartbeats are set to every second instead of every half minute."""
    program = (
        "import jlml.search.storage as storage; storage.HEARTBEAT, storage.GRACE = 1, 3; "
        "from jlml.cli.train import main; main()"
    )
    folder = tmp_path / "searches/it"
    overrides = [*SEARCH, "search.name=it", f"search.storage='sqlite:///{tmp_path}/study.db'"]
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
