"""Run folders: loading, checkpoints, and the refusal of untrusted content."""

import shutil

import pytest
import torch
from omegaconf import OmegaConf

import jlml
from conftest import QUICK
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.files import write_atomically
from jlml.runs import Run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    config = jlml.compose(
        *QUICK[:-1], f"data.root={data_root}", "callbacks=none", "loss=bce", "data.pixels=binarized"
    )
    return jlml.train(config, parent=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copy(trained, tmp_path):
    return Run.open(shutil.copytree(trained.run.path, tmp_path / "run"))


def evaluated(*overrides):
    return evaluate(jlml.compose("parts=[objective]", *overrides, config_name="evaluate"))


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_checkpoint_is_chosen_by_its_file_or_as_best_or_last(copy, which):
    metrics = evaluated(f"run={copy.path}", f"checkpoint={which}").parts["objective"]["metrics"]
    by_file = evaluated(f"run={copy.path / 'checkpoints' / which}.ckpt")
    assert by_file.content["checkpoint"]["which"] == which
    assert by_file.parts["objective"]["metrics"] == metrics


def test_a_loaded_model_encodes_like_the_trained_one(trained):
    model = jlml.load(str(trained.run.path))
    assert not model.training
    images, _ = trained.data.validation_batch(8)
    assert not trained.model.training
    torch.testing.assert_close(model.encode(images), trained.model.cpu().encode(images))


def test_a_checkpoint_that_would_run_code_is_refused(copy, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    torch.save({"state_dict": Payload()}, copy.checkpoint("best"))
    with pytest.raises(UserError, match="It is not loaded"):
        jlml.load(copy.path)
    assert not (tmp_path / "pwned").exists()


def test_a_config_that_would_run_code_is_refused(copy, tmp_path):
    config = OmegaConf.load(copy.path / "config.yaml")
    config.loss = {"_target_": "pathlib.Path.touch", "self": str(tmp_path / "pwned")}
    OmegaConf.save(config, copy.path / "config.yaml")
    with pytest.raises(UserError, match="trust=true"):
        jlml.load(copy.path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    "value", ["${oc.env:HOME}", "${oc.create:{_target_: pathlib.Path.touch, self: pwned}}", "a${seed}"]
)
def test_interpolations_of_an_untrusted_config_are_refused(copy, value, trust):
    """`oc.create` would give Hydra a node that the check of targets has not seen."""
    config = OmegaConf.to_container(OmegaConf.load(copy.path / "config.yaml"), resolve=False)
    config["optimizer"]["betas"] = value
    OmegaConf.save(OmegaConf.create(config), copy.path / "config.yaml")
    with pytest.raises(UserError, match="interpolation"):
        jlml.load(copy.path, trust=trust)


def test_an_atomic_write_replaces_the_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
