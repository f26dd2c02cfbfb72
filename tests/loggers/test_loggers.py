"""The loggers csv, wandb and mlflow, several at once, and what happens when one fails."""

import csv
import logging
import sys

import pytest
import yaml

import jlml
from conftest import QUICK
from jlml.errors import UserError
from jlml.loggers import CSV
from jlml.runs.finding import runs_below
from jlml.runs.upgrade import upgrade_config
from jlml.training.history import read_history
from jlml.training.resume import resume

SMALL = (*QUICK[:-1], "model=ae", "model.hidden=[16]", "callbacks=[samples,snapshots]")


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    """Keeps an account, a server and files of the user out of the tests."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_csv_has_the_numbers_of_the_history_and_a_resumed_run_writes_the_next_version(tmp_path):
    run = jlml.train(*SMALL, "logger=[tensorboard,csv]", parent=tmp_path, progress=[]).run
    assert list(run.path.glob("events*"))  # both log
    with (run.path / "csv/version_0/metrics.csv").open() as file:
        logged = list(csv.DictReader(file))
    columns, rows = read_history(run.path / "history.csv")
    assert set(logged[0]) == set(columns)
    losses = [row["val/loss"] for row in rows if row["val/loss"]]
    assert [float(row["val/loss"]) for row in logged if row["val/loss"]] == pytest.approx(
        [*map(float, losses)]
    )
    assert float(logged[-1]["test/loss"]) == pytest.approx(float(rows[-1]["test/loss"]))
    hyperparameters = yaml.safe_load((run.path / "csv/version_0/hparams.yaml").read_text())
    assert hyperparameters["model"] == "ae"
    assert hyperparameters["latent.dim"] == 2
    resume(run.path, ["trainer.max_epochs=3"])
    with (run.path / "csv/version_1/metrics.csv").open() as file:
        assert {row["epoch"] for row in csv.DictReader(file)} >= {"2"}


def test_wandb_has_numbers_pictures_and_hyperparameters(tmp_path, capfd):
    pytest.importorskip("wandb")
    options = ("logger=wandb", "logger.wandb.offline=true", f"output_dir={tmp_path}")
    run = jlml.train(*SMALL, *options, "name=first", "tags=[one,two]", "note=a note", progress=[]).run
    assert run.path.name.startswith("first_ae-")
    key = (run.path / "wandb_id.txt").read_text().strip()
    (folder,) = (tmp_path / "wandb").glob(f"offline-run-*-{key}")
    assert list(folder.glob("files/media/images/pictures/samples_*.png"))
    (record,) = folder.glob("*.wandb")
    content = record.read_bytes()
    for text in (b"val/mse", b"test/loss", b"latent.dim", b"first", b"one", b"two", b"a note"):
        assert text in content
    assert "wandb" not in "".join(capfd.readouterr())
    (folder / "files/config.yaml").touch()  # wandb writes one where it is online
    assert list(runs_below(tmp_path)) == [run.path]


def test_mlflow_has_numbers_pictures_and_hyperparameters_and_a_resumed_run_goes_on_there(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    options = ("logger=mlflow", f"output_dir={tmp_path}", "name=first", "tags=[one]", "note=a note")
    run = jlml.train(*SMALL, *options, progress=[]).run
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    key = (run.path / "mlflow_id.txt").read_text().strip()
    found = client.get_run(key)
    assert (found.info.run_name, found.info.status) == ("first", "FINISHED")
    assert found.data.tags.items() >= {"tag.one": "true", "mlflow.note.content": "a note"}.items()
    assert found.data.metrics["test/loss"] == pytest.approx(run.metrics()["metrics"]["test/loss"])
    assert found.data.params["latent.dim"] == "2"
    pictures = [file.path for file in client.list_artifacts(key, "images")]
    assert all(path.startswith("images/pictures~samples+step") for path in pictures)
    assert len(pictures) == 6  # at three epochs, each with a smaller copy
    with pytest.raises(UserError, match=r"logger.mlflow sends numbers .* add trust=true"):
        resume(run.path, ["trainer.max_epochs=3"])
    resume(run.path, ["trainer.max_epochs=3"], trust=True)
    assert (run.path / "mlflow_id.txt").read_text().strip() == key
    assert client.get_run(key).info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(key, "test/loss")] == [11, 16]


def test_a_logger_that_fails_warns_once_and_the_run_is_the_same(tmp_path, monkeypatch, caplog):
    def fail(self, metrics, step=None):
        raise OSError("the server is gone")

    monkeypatch.setattr(CSV, "log_metrics", fail)
    failed = jlml.train(*SMALL, "logger=[tensorboard,csv]", parent=tmp_path, progress=[])
    assert failed.run.metrics()["status"] == "finished"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "logger.csv failed, logs no more, and the training goes on: the server is gone."
    ]
    monkeypatch.undo()
    other = jlml.train(*SMALL, "logger=none", parent=tmp_path, progress=[])
    assert other.metrics == failed.metrics
    assert read_history(other.run.path / "history.csv")[0] == read_history(failed.run.path / "history.csv")[0]
    assert list(failed.run.path.glob("events*"))


@pytest.mark.parametrize(
    ("overrides", "missing", "message"),
    [
        (["logger=wandb"], None, "logger=wandb cannot start: .*logger.wandb.offline=true"),
        (["logger=wandb"], "wandb", r"logger=wandb needs a package: pip install 'jlml\[wandb\]'"),
        (["logger=mlflow"], "mlflow", r"logger=mlflow needs a package: pip install 'jlml\[mlflow\]'"),
        (["logger=mlflow", "logger.mlflow.tracking_uri=sqlite:////proc/no.db"], None, "mlflow cannot start"),
        (["logger=csv", "+logger.x._target_=torch.nn.Linear", "+logger.x.in_features=1"], None, "logger.x"),
        (["logger=csv", "+logger.csv.save_dir=there"], None, "logger.csv.save_dir cannot be set"),
        (["logger=[csv,wanbd]"], None, "wanbd"),
    ],
)
def test_a_logger_that_cannot_start_is_one_sentence_before_training(
    tmp_path, monkeypatch, overrides, missing, message
):
    for extra in ("wandb", "mlflow"):
        if missing is None and overrides == [f"logger={extra}"]:
            pytest.importorskip(extra)
    if missing is not None:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=message):
        jlml.train(*SMALL, *overrides, f"output_dir={tmp_path / 'runs'}", progress=[])
    assert not list(tmp_path.rglob("checkpoints"))
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_logger_of_lightning_or_of_the_user_gets_numbers_in_the_run_folder(tmp_path):
    own = ("+logger.mine._target_=lightning.pytorch.loggers.CSVLogger", "+logger.mine.name=mine")
    run = jlml.train(*SMALL, "logger=none", *own, parent=tmp_path, progress=[]).run
    with (run.path / "mine/version_0/metrics.csv").open() as file:
        assert "test/loss" in next(csv.reader(file))


def test_the_logger_of_an_old_run_is_upgraded():
    old = {"speed": {}, "trainer": {}, "logger": {"_target_": "jlml.pictures.TensorBoard"}}
    new = {"tensorboard": {"_target_": "jlml.loggers.TensorBoard"}}
    assert upgrade_config(old)["logger"] == new
    assert upgrade_config({**old, "logger": new})["logger"] == new
    assert upgrade_config({**old, "logger": None})["logger"] is None
