"""Run folders: opened, loaded, evaluated, and doubted."""

import shutil

import pytest
import torch
from omegaconf import OmegaConf

import jlml
from conftest import QUICK
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.files import write_whole
from jlml.runs import Run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    config = jlml.compose(
        *QUICK[:-1], f"data.root={data_root}", "callbacks=none", "loss=bce", "data.pixels=binarized"
    )
    return jlml.train(config, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copy(trained, tmp_path):
    return Run.open(shutil.copytree(trained.run.path, tmp_path / "run"))


def evaluated(*words):
    return evaluate(jlml.compose("parts=[objective]", *words, config_name="evaluate"))


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_checkpoint_is_named_by_its_file_or_by_a_word(copy, which):
    metrics = evaluated(f"run={copy.path}", f"checkpoint={which}").parts["objective"]["metrics"]
    by_file = evaluated(f"run={copy.path / 'checkpoints' / which}.ckpt")
    assert by_file.content["checkpoint"]["which"] == which
    assert by_file.parts["objective"]["metrics"] == metrics


def test_a_loaded_model_is_the_trained_one(trained):
    model = jlml.load(str(trained.run.path))
    assert not model.training
    images, _ = trained.data.validation_batch(8)
    assert not trained.model.training
    torch.testing.assert_close(model.encode(images), trained.model.cpu().encode(images))


def reshape(path, shape):
    config = OmegaConf.load(path / "config.yaml")
    config.image_shape = shape
    OmegaConf.save(config, path / "config.yaml")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: (path / "config.yaml").unlink(), "is not a run folder"),
        (lambda path: (path / "config.yaml").write_text("a: [1"), "cannot be read"),
        (lambda path: (path / "config.yaml").write_text("- 1\n"), "is not the config of a run"),
        (lambda path: (path / "checkpoints/best.ckpt").unlink(), "has no checkpoint 'best'"),
        (lambda path: (path / "checkpoints/best.ckpt").write_bytes(b""), "is not a checkpoint"),
        (lambda path: (path / "checkpoints/best.ckpt").write_bytes(b"junk"), "is not a checkpoint"),
        (lambda path: reshape(path, [1, 28]), "no image_shape of three numbers"),
        (
            lambda path: (path / "checkpoints/best.ckpt").write_bytes(b"PK\3\4 nonsense"),
            "is not a checkpoint",
        ),
        (
            lambda path: torch.save({"state_dict": {}}, path / "checkpoints/best.ckpt"),
            "is not a checkpoint of this run",
        ),
        (lambda path: torch.save([1], path / "checkpoints/best.ckpt"), "is not a checkpoint of this run"),
    ],
)
def test_a_spoiled_run_is_named_in_one_sentence(copy, spoil, says):
    spoil(copy.path)
    with pytest.raises(UserError, match=says) as raised:
        jlml.load(copy.path)
    assert str(copy.path) in str(raised.value)


def test_a_checkpoint_that_would_run_code_is_refused(copy, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    torch.save({"state_dict": Payload()}, copy.checkpoint("best"))
    with pytest.raises(UserError, match="is not a checkpoint of this run"):
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
def test_interpolations_of_a_strangers_config_are_refused(copy, value, trust):
    """`oc.create` would hand Hydra a node that no check of targets has seen."""
    config = OmegaConf.to_container(OmegaConf.load(copy.path / "config.yaml"), resolve=False)
    config["optimizer"]["betas"] = value
    OmegaConf.save(OmegaConf.create(config), copy.path / "config.yaml")
    with pytest.raises(UserError, match="interpolation"):
        jlml.load(copy.path, trust=trust)


def test_a_whole_file_replaces_a_whole_file(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "old")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_evaluate_refuses_what_is_no_run(copy, tmp_path):
    with pytest.raises(UserError, match="run=nowhere is not a run folder"):
        evaluated("run=nowhere")
    copy.checkpoint("last").unlink()
    with pytest.raises(UserError, match="has no checkpoint 'last'"):
        evaluated(f"run={copy.path}", "checkpoint=last")
    shutil.copy(copy.checkpoint("best"), copy.path / "best.ckpt")
    with pytest.raises(UserError, match="is not a run folder"):
        evaluated(f"run={copy.path / 'best.ckpt'}")
