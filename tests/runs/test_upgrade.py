"""Runs of version 0.1.0 load, evaluate and resume.

`version_0_1_0` contains four small runs: 8 x 8 pixels and hidden layers of width 8. Three were interrupted in
the middle of an epoch. Next to these are the final weights of version 0.1.0 without an interruption.
"""

import shutil
from pathlib import Path

import pytest
import torch

import jlml
from conftest import each_once
from jlml.runs import Run
from jlml.runs.checkpoint_file import read_checkpoint
from jlml.runs.upgrade import upgrade_checkpoint, upgrade_config
from jlml.training.resume import resume

OLD = Path(__file__).with_name("version_0_1_0")


@pytest.fixture
def old_run(tmp_path, data_root):
    def copy(name: str) -> Run:
        folder = shutil.copytree(OLD / name, tmp_path / name)
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("root: data", f"root: {data_root}"))
        return Run.open(folder)

    return copy


@pytest.mark.parametrize(
    ("name", "loop"), each_once(["vae_mid_epoch", "ae_mid_epoch", "vae_bce"], ["true", "false"])
)
def test_an_old_run_resumes_in_the_middle_of_an_epoch(old_run, name, loop):
    """It ends with the weights of the uninterrupted run; on the machine that trained it, bit for bit."""
    trained = resume(old_run(name).path, [f"speed.loop={loop}"])
    assert trained.run.state() == "finished"
    last = read_checkpoint(trained.run.checkpoint("last"))
    assert (last["global_step"], trained.run.metrics()["epochs"]) == (225, 3)
    expected = torch.load(OLD / name / "undisturbed.pt", weights_only=True)
    assert last["state_dict"].keys() == expected.keys()
    for key, weight in expected.items():
        torch.testing.assert_close(last["state_dict"][key], weight, rtol=1e-3, atol=1e-4, msg=key)


def test_an_old_run_can_be_loaded_evaluated_and_extended(old_run):
    run = old_run("conv_vae")
    assert jlml.load(run.path).sample(3).shape == (3, 1, 8, 8)
    before = run.metrics()["metrics"]
    result = jlml.evaluate(jlml.compose(f"run={run.path}", "parts=[objective]", config_name="evaluate"))
    found = result.parts["objective"]["metrics"]
    assert found["loss"]["value"] == pytest.approx(before["test/loss"], rel=1e-4)
    extended = resume(run.path, ["trainer.max_epochs=4"])
    assert extended.run.metrics()["epochs"] == 4


def test_a_current_config_or_checkpoint_is_not_changed_by_an_upgrade(old_run):
    config = upgrade_config(old_run("conv_vae").config())
    assert upgrade_config(config) is config
    content = {"config": config, "loops": {}}
    assert upgrade_checkpoint(content) is content


def test_the_old_trainer_options_for_speed_move_to_the_speed_group():
    old = {
        "trainer": {"compile": True, "capture": False, "max_epochs": 3},
        "sweep": {"over": ["seed"], "name": "a"},
    }
    new = upgrade_config(old)
    assert new["trainer"] == {"max_epochs": 3}
    assert new["speed"] == {
        "loop": True, "flush_denormals": True, "compile": True, "cuda_graphs": False, "onednn": False,
    }  # fmt: skip
    assert new["sweep"] == {"name": "a"}
    assert old["trainer"]["compile"] is True
