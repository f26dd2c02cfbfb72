"""history.csv has every logged number once, also after kills and in runs without TensorBoard."""

import shutil

import pandas as pd
import pytest
from lightning import Callback
from same import curves
from test_resume import cut_off, train

import jlml
from conftest import QUICK
from jlml.training.history import History, read_history

FAST = (*QUICK[:-1], "callbacks=none")
FOUR = ("trainer.max_epochs=4", "checkpoints.steps=1")


def table(run):
    """history.csv without the columns that differ from run to run."""
    return pd.read_csv(run.path / "history.csv").drop(columns="train/images_per_second")


def test_it_has_the_points_of_all_curves(tmp_path):
    run = train(tmp_path / "run", "trainer.max_epochs=2").run
    history = pd.read_csv(run.path / "history.csv")
    found = curves(run)
    assert set(history.columns) - {"epoch", "step", "train/images_per_second"} == set(found)
    for name, points in found.items():
        column = history[["epoch", "step", name]].dropna()
        assert column[name].to_list() == pytest.approx([value for _, value in points], rel=1e-6)
        # Lightning counts the steps before a validation from zero
        late = 1 if name.startswith("val/") and name.split("/")[1] not in ("active_units", "code_std") else 0
        assert column["step"].to_list() == [step + late for step, _ in points]
    rows = history[history["step"].between(1, 10)]
    assert rows["epoch"].to_list() == [1 if step <= 5 else 2 for step in rows["step"]]
    assert history["step"].is_monotonic_increasing
    assert history["step"].is_unique


@pytest.mark.parametrize(
    ("epoch", "where", "steps"), [(2, "validation", "null"), (2, "training", "1"), (0, "training", "1")]
)
def test_that_of_a_resumed_run_equals_that_of_an_uninterrupted_one(tmp_path, epoch, where, steps):
    overrides = ("trainer.max_epochs=4", f"checkpoints.steps={steps}")
    whole = train(tmp_path / "whole", *overrides).run
    cut_off(tmp_path / "run", *overrides, epoch=epoch, where=where)
    file = tmp_path / "run/history.csv"
    file.write_text(file.read_text() + "3,19,1.5")  # as a power failure can leave it
    resumed = train(tmp_path / "run", *overrides).run
    pd.testing.assert_frame_equal(table(resumed), table(whole), check_exact=True)
    assert (tmp_path / "run/history.csv").read_text().count("epoch,step") == 1


def test_an_extended_run_has_the_test_of_its_end_only(tmp_path):
    short = train(tmp_path / "run", "trainer.max_epochs=2").run
    assert table(short)["test/loss"].count() == 1
    longer = table(train(tmp_path / "run", "trainer.max_epochs=3").run)
    assert longer["test/loss"].dropna().index.to_list() == [len(longer) - 1]


def test_it_is_written_without_tensorboard_and_in_the_loop_of_lightning(tmp_path):
    for speed in ("default", "off"):
        run = jlml.train(*FAST, "logger=none", f"speed={speed}", parent=tmp_path, progress=[]).run
        assert not list(run.path.glob("events*"))
        last = pd.read_csv(run.path / "history.csv").dropna(subset="val/loss").iloc[-1]
        assert (last["epoch"], last["step"]) == (2, 10)
        assert last["train/images_per_second"] > 0


class Losses(Callback):
    """Collects the training loss of every batch with its number of images."""

    def __init__(self):
        self.sums, self.images = {}, {}

    def on_train_batch_end(self, trainer, model, outputs, batch, number):
        epoch, size = trainer.current_epoch + 1, len(batch[0])
        self.sums[epoch] = self.sums.get(epoch, 0) + float(outputs["loss"]) * size
        self.images[epoch] = self.images.get(epoch, 0) + size


def test_the_loss_of_an_epoch_is_the_mean_over_its_images(tmp_path):
    """The last batch of an epoch is smaller, so the mean over batches would differ."""
    losses = Losses()
    run = train(tmp_path / "run", "trainer.max_epochs=2", progress=[losses]).run
    column = table(run).set_index("epoch")["train/epoch_loss"].dropna()
    assert column.to_list() == pytest.approx([losses.sums[n] / losses.images[n] for n in (1, 2)], rel=1e-6)


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b"a,b\n1,2\n", b'epoch,step,x\n"', b"epoch,step\n1,x\n"]
)
def test_a_damaged_file_is_started_anew(tmp_path, damage):
    (tmp_path / "history.csv").write_bytes(damage)
    history = History(tmp_path, resumed=3)
    history.log_metrics({"train/loss": 0.5, "epoch": 0}, 4)
    history.finalize("")
    assert (tmp_path / "history.csv").read_text() == "epoch,step,train/loss\n1,4,0.5\n"


def test_reading_an_untrusted_file_takes_time_in_proportion_to_its_size(tmp_path):
    file = tmp_path / "history.csv"
    columns = ["epoch", "step", *map(str, range(100_000))]
    file.write_text("\n".join([",".join(columns), *["1,1"] * 100_000, ""]))
    assert read_history(file) == (columns, [])  # rows of another length are not filled up
    assert read_history(file, most=1000) == ([], [])


def test_a_copied_run_continues_its_own_file(tmp_path):
    cut_off(tmp_path / "run", *FOUR)
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    before = (tmp_path / "run/history.csv").read_text()
    train(tmp_path / "copy", *FOUR)
    assert (tmp_path / "run/history.csv").read_text() == before
