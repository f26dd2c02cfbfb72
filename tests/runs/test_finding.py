"""Finding a run by its path, or the last one by the time that it recorded."""

import json
import os

import pytest

import jlml
from conftest import run
from jlml.errors import UserError
from jlml.runs.finding import found_run, last_replaced, last_run


def make_run(folder, started, written=1_000_000_000):
    folder.mkdir(parents=True)
    (folder / "config.yaml").touch()
    os.utime(folder / "config.yaml", (written, written))
    if started is not None:
        (folder / "metrics.json").write_text(json.dumps({"started": started}))
    return folder


def test_the_last_run_is_the_one_with_the_latest_recorded_start_also_in_a_sweep(tmp_path):
    make_run(tmp_path / "z_by_name", "2026-11-20T10:00:00+00:00")
    newest = make_run(tmp_path / "sweeps/dims/a_by_name", "2026-11-21T10:00:00+02:00")
    make_run(tmp_path / "m_by_name", "2026-11-21T07:59:59+00:00")
    assert last_run(tmp_path) == newest
    make_run(tmp_path / ".being_created/run", "2026-11-22T10:00:00+00:00")
    assert last_run(tmp_path) == newest


@pytest.mark.parametrize("started", [None, 7, "yesterday", {}, "9999-99-99", "\ud800"])
def test_a_run_without_a_valid_start_counts_from_when_its_config_was_written(tmp_path, started):
    old = make_run(tmp_path / "old", started, written=1_700_000_000)
    make_run(tmp_path / "older", "2020-01-01T00:00:00+00:00")
    assert last_run(tmp_path) == old
    newer = make_run(tmp_path / "newer", "2030-01-01T00:00:00+00:00")
    assert last_run(tmp_path) == newer


def test_links_are_not_followed(tmp_path):
    make_run(tmp_path / "elsewhere/run", "2030-01-01T00:00:00+00:00")
    inside = make_run(tmp_path / "outputs/run", "2020-01-01T00:00:00+00:00")
    (tmp_path / "outputs/link").symlink_to(tmp_path / "elsewhere")
    assert last_run(tmp_path / "outputs") == inside


def test_last_without_a_run_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"There is no run in .*nothing, so last names none"):
        found_run("last", tmp_path / "nothing")


def test_a_folder_called_last_is_taken_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    newest = make_run(tmp_path / "outputs/run", None)
    assert found_run("last").resolve() == newest
    make_run(tmp_path / "last", None)
    assert last_replaced("last").resolve() == tmp_path / "last"


def test_last_is_loaded_and_resumed_from_the_output_dir(runs, tmp_path, monkeypatch):
    (tmp_path / "outputs").symlink_to(runs["vae"].path.parent)
    monkeypatch.chdir(tmp_path)
    started = {name: run.metrics()["started"] for name, run in runs.items()}
    newest = [runs[name] for name, when in started.items() if when == max(started.values())]  # in one second
    assert jlml.load("last").latent_dim in {run.config()["latent"]["dim"] for run in newest}


@pytest.mark.parametrize("arguments", [("train.py", "resume=nowhere"), ("evaluate.py", "run=nowhere")])
def test_a_mistyped_run_is_answered_before_torch_is_imported(arguments):
    script, given = arguments
    program = (
        "import runpy, sys, atexit; "
        "atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); "
        f"sys.argv = [{script!r}, {given!r}]; runpy.run_path({script!r}, run_name='__main__')"
    )
    answered = run("-c", program)
    assert (answered.returncode, answered.stdout) == (1, "")
    error, imported = answered.stderr.splitlines()
    assert error.startswith("Error: nowhere is not a run folder: there is no such folder.")
    assert imported == "False"
