"""Runs with a config or links that lead out of the run folder."""

import os
from contextlib import suppress

import pytest
from exploits import READERS, assert_exploit_works, assert_refused, contents, evaluated, rewrite

from jlml.data.mnist import load_mnist_5k
from jlml.errors import UserError
from jlml.files import write_atomically
from jlml.training.resume import resume


@pytest.mark.parametrize(
    "name",
    ["mnist", "fashion_mnist", pytest.param("mnist_5k", marks=pytest.mark.robustness)],
)
def test_nothing_is_written_to_the_data_root_of_a_config(folder, canary, name, tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    if name == "mnist_5k":
        assert_exploit_works(lambda: load_mnist_5k(there) and (there / "mnist_5k.npz").rename(canary), canary)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JLML_DATA")  # the user's own data root
    rewrite(folder, lambda config: config["data"].update(name=name, root=str(there)))
    if name == "mnist_5k":  # it needs no data folder
        assert not evaluated(f"run={folder}").failed
    else:
        for reader in ("evaluate", "resume"):
            assert_refused(reader, folder, canary, "Name the folder that has it now: data.root")
    assert not list(there.iterdir())


def test_a_logger_writes_into_the_run_folder_despite_its_config(folder, tmp_path):
    rewrite(folder, lambda config: config["logger"]["tensorboard"].update(save_dir=str(tmp_path / "there")))
    with suppress(UserError):
        resume(folder, ["trainer.max_epochs=3"])
    assert not (tmp_path / "there").exists()


def test_a_resumed_run_stays_in_its_folder_despite_its_output_dir(folder, tmp_path):
    rewrite(folder, lambda config: config.update(output_dir=str(tmp_path / "there")))
    assert resume(folder, ["trainer.max_epochs=3"]).run.path == folder
    assert not (tmp_path / "there").exists()


LINKS = (
    *("train.log", ".lock", "metrics.json", "progress.json", "config.yaml", "projector_config.pbtxt"),
    *("snapshots", "snapshots/step_00000015.npy", "checkpoints", "checkpoints/last.ckpt", "lightning_logs"),
    *("00015", ".metrics.json.PID", ".config.yaml.PID", "evaluation/.report.html.PID", "evaluation"),
    *("evaluation/last", "evaluation/metrics.json", "evaluation/report.html", "evaluation/objective_x.png"),
)
# links that would be used as folders; the last two are those of the projector and the logger
FOLDERS = ("evaluation", "evaluation/last", "00015", "lightning_logs")


@pytest.mark.parametrize("link", LINKS)
def test_nothing_outside_a_run_is_changed_through_a_link_in_it(folder, tmp_path, link):
    """Following the link would change a file or a folder of the user."""
    entry, victim = folder / link.replace("PID", str(os.getpid())), tmp_path / "precious"
    if entry.is_dir():
        entry.rename(victim)
    elif link in FOLDERS:
        victim.mkdir()
    else:
        victim.write_bytes(entry.read_bytes() if entry.exists() else b"precious")
        entry.unlink(missing_ok=True)
    entry.parent.mkdir(exist_ok=True)
    entry.symlink_to(victim)
    before = contents(victim)
    with pytest.raises(UserError, match="a link that leads out"):
        READERS["resume"](folder)
    for reader in ("evaluate", "evaluate last") if link.startswith("evaluation") else ("evaluate",):
        try:
            READERS[reader](folder)
        except UserError as error:
            assert "is a link or is inside one" in str(error)  # noqa: PT017
        assert contents(victim) == before


def test_an_atomic_write_replaces_links_and_does_not_follow_them(tmp_path):
    victim = tmp_path / "precious"
    victim.write_text("precious")
    for name in ("file", f".file.{os.getpid()}"):
        (tmp_path / name).symlink_to(victim)
    write_atomically(tmp_path / "file", "new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "file").read_text() == "new"


def test_a_run_may_contain_links_to_itself_and_be_opened_through_a_link(folder, tmp_path):
    (folder / "newest.ckpt").symlink_to("checkpoints/last.ckpt")
    (tmp_path / "latest").symlink_to(folder)
    assert resume(tmp_path / "latest", ["trainer.max_epochs=3"]).run.metrics()["status"] == "finished"


@pytest.mark.parametrize("name", ["..", "../..", "checkpoints", "nowhere/..", "/"])
def test_a_path_that_leads_out_of_the_run_is_not_a_run(folder, canary, name):
    with pytest.raises(UserError, match="is not a run folder"):
        evaluated(f"run='{folder / name}/'")
