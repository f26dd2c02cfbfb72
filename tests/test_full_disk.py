"""A full disk or a read-only folder gives one error sentence, and everything saved before stays intact."""

import resource
import shutil
from contextlib import contextmanager

import pytest
from same import differences, folder_contents

import jlml
from conftest import QUICK, without_privileges
from jlml.cli.command import one_sentence
from jlml.errors import UserError
from jlml.runs import Run
from jlml.training.resume import resume

pytestmark = pytest.mark.robustness

OVERRIDES = (*QUICK, "model=vae", "model.hidden=[64]")


@contextmanager
def files_of_at_most(size):
    """Simulates a full disk: no file can grow beyond this number of bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def short(tmp_path_factory, data_root):
    """A run of two epochs."""
    config = jlml.compose(*OVERRIDES, f"data.root={data_root}")
    return jlml.train(config, run=Run.at(tmp_path_factory.mktemp("short") / "run")).run


@pytest.fixture(scope="module")
def long(tmp_path_factory, short):
    """The same run, extended to four epochs."""
    path = tmp_path_factory.mktemp("long") / "run"
    shutil.copytree(short.path, path)
    return resume(path, ["trainer.max_epochs=4"]).run


@pytest.mark.parametrize(("size", "fails"), [(500, "metrics.json"), (300_000, "last.ckpt")])
def test_a_full_disk_stops_a_run_and_no_saved_file_is_lost(tmp_path, short, long, size, fails):
    run = Run(shutil.copytree(short.path, tmp_path / "run"))
    before = folder_contents(run.path / "checkpoints")
    with files_of_at_most(size), pytest.raises(UserError) as full:
        resume(run.path, ["trainer.max_epochs=4"])
    assert f"{fails} cannot be written: File too large. Everything saved before is intact." in str(full.value)
    again = f"Free some disk space, then resume with: python train.py resume={run.path}"
    if fails == "metrics.json":  # config.yaml was not written either, so the new epochs are not recorded
        again += " trainer.max_epochs=4"
    assert str(full.value).endswith(again)
    if fails == "last.ckpt":  # the small files could still be written
        assert run.metrics()["status"] == "failed"
        assert "last.ckpt cannot be written" in run.metrics()["error"]
        assert "last.ckpt cannot be written" in (run.path / "train.log").read_text()
    assert folder_contents(run.path / "checkpoints") == before  # no partial file is left
    resumed = resume(run.path, ["trainer.max_epochs=4"]).run
    assert differences(resumed, long) == []


# too small for metrics.json; for the TensorBoard file, without which the run goes on; for a checkpoint
@pytest.mark.parametrize(
    ("size", "fails"), [(100, "metrics.json"), (9_000, "best.ckpt"), (300_000, "best.ckpt")]
)
def test_a_disk_that_is_full_at_the_start_is_reported_in_one_sentence(tmp_path, capsys, caplog, size, fails):
    pictures = "logger=tensorboard" if size == 9_000 else "logger=none"
    with files_of_at_most(size), pytest.raises(UserError, match=f"{fails} cannot be written: File too large"):
        jlml.train(jlml.compose(*OVERRIDES, pictures), run=Run.at(tmp_path / "run"))
    assert ("logger.tensorboard failed, logs no more" in caplog.text) == (size == 9_000)
    assert "Traceback" not in capsys.readouterr().err
    assert not list((tmp_path / "run").rglob("*.ckpt*"))


def test_a_read_only_run_folder_is_reported_and_not_changed(tmp_path, short):
    run = Run(shutil.copytree(short.path, tmp_path / "run"))
    for path in (*run.path.rglob("*"), run.path):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = folder_contents(run.path)
    with pytest.raises(SystemExit) as ended, without_privileges(), one_sentence():
        resume(run.path, ["trainer.max_epochs=4"])
    assert str(ended.value.code).startswith(f"Error: {run.path}")
    assert "Permission denied" in str(ended.value.code)
    assert folder_contents(run.path) == before
