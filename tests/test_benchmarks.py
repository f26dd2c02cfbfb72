"""The benchmarks run on a few images and give complete results."""

import json
import sys

import pytest

from conftest import ROOT

QUICK = ("data=mnist_5k", "data.subset=200", "data.batch_size=64", "callbacks=none")


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


@pytest.mark.parametrize("model", ["ae", pytest.param("vae", marks=pytest.mark.robustness)])
def test_every_repeat_gives_one_ratio(model):
    import training

    turns = training.in_turns((*QUICK, f"model={model}"), training.bare, repeats=2)
    assert {name: len(seconds) for name, seconds in turns.seconds.items()} == {
        "jlml": 10,
        "jlml's steps": 10,
        "bare": 10,
        "validation": 10,
    }
    assert [ratio > 0 for ratio in training.ratios(turns, "bare", "validation")] == [True, True]
    for steps, total in zip(turns.seconds["jlml's steps"], turns.seconds["jlml"], strict=True):
        assert 0 < steps < total


def test_each_loop_is_timed_for_its_own_steps_only(monkeypatch):
    import training

    now, taken = 0, []

    def others(model, data):
        def quick():
            nonlocal now
            for step in range(8):
                now += 1
                taken.append(step)
                yield

        def slow():
            nonlocal now
            now += 100
            yield

        return {"quick": quick, "slow": training.paced(slow, 5)}

    monkeypatch.setattr(training, "AT_ONCE", 2)  # four batches per epoch give two turns
    monkeypatch.setattr(training, "perf_counter", lambda: now)
    turns = training.in_turns((*QUICK, "model=ae"), others, repeats=1)
    assert turns.seconds == {"jlml": 5 * [0], "jlml's steps": 5 * [0], "quick": 5 * [8], "slow": 5 * [100]}
    assert taken == 5 * list(range(8))


def test_shares_add_up_to_100_percent(monkeypatch):
    import shares

    overrides = (*QUICK, "model=ae", "trainer.max_epochs=2")
    monkeypatch.setattr(shares, "NETS", {"a net": overrides})
    rows = list(shares.of_fit(2))
    for repeat in range(2):
        assert sum(row.values[repeat] for row in rows) == pytest.approx(100)
    assert [row.values[0] > 0 for row in rows] == 5 * [True]
    monkeypatch.setattr(shares, "BLOCK", 1)
    assert next(shares.of_step(1)).name == "a net: bare"


def test_a_target_is_met_or_missed():
    from rows import Row

    assert Row("", [0.9, 0.96, 0.97], target=">= 0.95").meets_target is True
    assert Row("", [1.4, 1.2, 1.5], target="<= 1.3").meets_target is False
    assert Row("", [1.4]).meets_target is None


@pytest.mark.robustness
def test_the_soak_benchmark_records_open_files_and_folder_size_per_epoch(monkeypatch, tmp_path):
    import soak

    few = ("data=mnist_5k", "data.subset=60", "callbacks.manifold.side=3")
    monkeypatch.setattr(sys, "argv", ["soak.py", "--epochs", "24", "--folder", str(tmp_path), *few])
    soak.main()
    measured = json.loads((tmp_path / "soak.json").read_text())
    files, folder = measured["open files"], measured["run folder (MB)"]
    assert len(files) == 24
    assert max(files[2:]) == min(files[2:])
    assert folder == sorted(folder)
    assert (tmp_path / "soak.png").stat().st_size > 1000
