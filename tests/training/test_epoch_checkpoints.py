"""`keep_checkpoints_every` keeps the weights along training, without changing the training."""

import json
import shutil

import pytest
import torch
from same import compared_state, differences, same
from test_resume import NOISY, QUICK, cut_off, resume, train

import jlml
from jlml.config.identity import decisive
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.runs import Run

FOUR = ("keep_checkpoints_every=1", "trainer.max_epochs=4")


def weights(run, which):
    return torch.load(run.checkpoint(which), weights_only=True)["state_dict"]


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def every_two(tmp_path_factory):
    """A run of five epochs that keeps the weights at every second one."""
    folder = tmp_path_factory.mktemp("five") / "run"
    return train(folder, "keep_checkpoints_every=2", "trainer.max_epochs=5").run


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """An uninterrupted run that keeps the weights at each of its four epochs."""
    return train(tmp_path_factory.mktemp("four") / "run", *FOUR).run


def test_the_kept_weights_are_the_last_ones_of_a_shorter_run_and_before_training_the_initial_ones(
    tmp_path, every_two
):
    assert [(epochs, path.name) for epochs, path in every_two.kept_epochs().items()] == [
        (0, "epoch_0000.ckpt"),
        (2, "epoch_0002.ckpt"),
        (4, "epoch_0004.ckpt"),
    ]
    shorter = train(tmp_path / "run", "trainer.max_epochs=2").run
    assert equal(weights(every_two, "epoch_0002"), weights(shorter, "last"))
    untrained, _ = jlml.build(*QUICK, *NOISY)
    assert equal(weights(every_two, "epoch_0000"), untrained.state_dict())
    assert shorter.kept_epochs() == {}


def test_keeping_them_changes_neither_the_training_nor_the_identity_of_a_run(tmp_path, every_two):
    without = train(tmp_path / "run", "trainer.max_epochs=5").run
    for which in ("best", "last"):
        ours, theirs = compared_state(every_two.checkpoint(which)), compared_state(without.checkpoint(which))
        assert ours.keys() == theirs.keys()
        assert all(same(ours[key], theirs[key]) for key in ours)
    assert every_two.metrics()["metrics"] == without.metrics()["metrics"]
    assert decisive(every_two.config()) == decisive(without.config())


def test_a_kept_file_has_no_training_state_and_loads_like_the_best_one(every_two):
    kept, best = (
        torch.load(every_two.checkpoint(which), weights_only=True) for which in ("epoch_0002", "best")
    )
    assert kept.keys() == best.keys()
    assert not {"optimizer_states", "lr_schedulers", "callbacks"} & kept.keys()
    assert kept["config"] == every_two.config()
    assert equal(jlml.load(every_two.path, checkpoint="epoch_0002").state_dict(), kept["state_dict"])
    with pytest.raises(UserError, match=r"has no checkpoint 'epoch_0003': .* Did you mean epoch_000[024]"):
        jlml.load(every_two.path, checkpoint="epoch_0003")


@pytest.mark.parametrize(
    ("epoch", "where", "steps"),
    [
        (2, "training", "null"),
        pytest.param(2, "training", "1", marks=pytest.mark.robustness),
        # epoch_0002.ckpt is written, last.ckpt is still from epoch 1
        pytest.param(2, "start", "null", marks=pytest.mark.robustness),
        pytest.param(2, "validation", "null", marks=pytest.mark.robustness),
        pytest.param(0, "training", "null", marks=pytest.mark.robustness),
        pytest.param(0, "training", "1", marks=pytest.mark.robustness),
    ],
)
def test_a_resumed_run_has_the_files_of_an_uninterrupted_one(tmp_path, four, epoch, where, steps):
    overrides = (*FOUR, f"checkpoints.steps={steps}")
    cut_off(tmp_path / "run", *overrides, epoch=epoch, where=where)
    run = Run(tmp_path / "run")
    assert [*run.kept_epochs()] == [*range(epoch + 1)]
    assert differences(train(run.path, *overrides).run, four) == []
    assert [*run.kept_epochs()] == [0, 1, 2, 3, 4]


@pytest.mark.robustness
def test_files_after_the_epoch_from_which_a_run_resumes_are_removed_or_written_again(tmp_path, four):
    cut_off(tmp_path / "run", *FOUR, epoch=2)
    run = Run(tmp_path / "run")
    for later in (3, 9):
        shutil.copy(run.epoch_checkpoint(1), run.epoch_checkpoint(later))
    run.epoch_checkpoint(1).with_name("epoch_9.ckpt").touch()  # a file of the user
    assert differences(train(run.path, *FOUR).run, four) == ["epoch_9"]


@pytest.mark.robustness
def test_an_extended_run_keeps_further_epochs_and_may_change_which(tmp_path):
    run = train(tmp_path / "run", "keep_checkpoints_every=2", "trainer.max_epochs=2").run
    resume(run.path, ["trainer.max_epochs=4", "keep_checkpoints_every=1"])
    assert [*run.kept_epochs()] == [0, 2, 3, 4]
    assert run.config()["keep_checkpoints_every"] == 1
    resume(run.path, ["trainer.max_epochs=5", "keep_checkpoints_every=null"])
    assert [*run.kept_epochs()] == [0, 2, 3, 4]
    jlml.load(run.path, checkpoint="epoch_0002")  # its config has the earlier value


def test_odd_names_in_an_untrusted_folder_are_ignored(tmp_path):
    folder = tmp_path / "checkpoints"
    assert Run(tmp_path).kept_epochs() == {}
    (folder / "epoch_0006.ckpt").mkdir(parents=True)
    odd = ("5", "005", "00005", "-005", "+005", "0005 ", "0x05", "\u0665" * 4, "1e10", "9" * 200, "0005.ckpt")
    for name in (*odd, "12345", "0007", "0000", "9999"):
        (folder / f"epoch_{name}.ckpt").touch()
    (folder / ".epoch_0008.ckpt.4711").touch()
    assert [*Run(tmp_path).kept_epochs()] == [0, 7, 9999, 12345]
    for epochs, path in Run(tmp_path).kept_epochs().items():
        assert path == Run(tmp_path).epoch_checkpoint(epochs)


def test_a_kept_checkpoint_is_evaluated_into_a_folder_of_its_own(tmp_path, every_two):
    copy = shutil.copytree(every_two.path, tmp_path / "run")
    evaluation = evaluate(f"run={copy}/checkpoints/epoch_0002.ckpt", "parts=[objective]")
    assert evaluation.folder == copy / "evaluation" / "epoch_0002"
    stored = json.loads((evaluation.folder / "metrics.json").read_text())
    assert stored["checkpoint"]["which"] == "epoch_0002"
    assert "epoch_0002 checkpoint" in (evaluation.folder / "report.html").read_text()
    assert [path.name for path in (copy / "evaluation").iterdir()] == ["epoch_0002"]
    evaluation.folder.rename(tmp_path / "precious")
    evaluation.folder.symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match=r"epoch_0002 is a link or is inside one"):
        evaluate(f"run={copy}/checkpoints/epoch_0002.ckpt", "parts=[objective]")
