"""Configs that name code to run, at any key and through any path of attributes of trusted packages."""

import sys

import pytest
from exploits import (
    SYSTEM,
    assert_exploit_works,
    assert_refused,
    instantiate_naively,
    rewrite,
    set_at,
    with_paths,
)

import jlml
from conftest import each_once
from jlml.errors import UserError
from jlml.runs import check_targets

SHELL = {"args": "TOUCH", "shell": True}
PATHS = (  # from a trusted package to a module that it imports
    *("jlml.files.os.system", "jlml.data.mnist.os.system", "jlml.sweeps.job.os.system"),
    "jlml.cli.command.os.system",
    *("torch.nn.modules.module.inspect.os.system", "torch.nn.modules.module.torch.os.system"),
    *("torch.optim.optimizer.torch.os.system", "torch.optim.lr_scheduler.warnings.sys.modules.os.system"),
    *("lightning.pytorch.trainer.trainer.os.system", "lightning.fabric.fabric.os.system"),
    *("lightning.fabric.utilities.seed.os.system", "jlml.config.keys.OmegaConf.__module__.os.system"),
    *(
        "jlml.models.autoencoder.nn.modules.module.inspect.os.system",
        "jlml.runs.folder.torch.nn.functional.torch.os.system",
    ),
)
ATTACKS = {
    "os.system": SYSTEM,
    "eval": {"_target_": "builtins.eval", "_args_": ["__import__('os').system('TOUCH')"]},
    "exec": {"_target_": "builtins.exec", "_args_": ["__import__('os').system('TOUCH')"]},
    "torch.load": {"_target_": "torch.load", "f": "FOLDER/pickle.pt", "weights_only": False},
    "torch.load through jlml": {
        "_target_": "jlml.runs.folder.torch.load",
        "f": "FOLDER/pickle.pt",
        "weights_only": False,
    },
    "torch.hub.load": {
        "_target_": "torch.hub.load",
        "repo_or_dir": "FOLDER",
        "model": "m",
        "source": "local",
    },
    "subprocess.run": {"_target_": "jlml.training.record.subprocess.run", **SHELL},
    "subprocess.Popen, a class": {"_target_": "jlml.training.record.subprocess.Popen", **SHELL},
    "Path.touch": {"_target_": "jlml.runs.folder.Path.touch", "_args_": ["CANARY"]},
    "write_atomically of jlml": {"_target_": "jlml.files.write_atomically", "path": SYSTEM, "content": ""},
    "nested": {"_target_": "builtins.dict", "x": SYSTEM},
    "in a list": {"_target_": "builtins.list", "_args_": [[1, [SYSTEM]]]},
    "nested in a class of jlml": {"_target_": "jlml.losses.Bernoulli", "x": {"y": [SYSTEM]}},
    "not recursive": {**SYSTEM, "_recursive_": False},
    "as objects": {**SYSTEM, "_convert_": "object"},
    **{path: {**SYSTEM, "_target_": path} for path in PATHS},
}


UNREACHABLE = {
    "jlml.config.keys.OmegaConf.__module__.os.system",
    "torch.optim.lr_scheduler.warnings.sys.modules.os.system",
}


@pytest.mark.parametrize(("place", "attack"), each_once(["loss", "model.encoder"], ATTACKS))
def test_a_config_runs_no_code(folder, canary, attack, place):
    node = with_paths(ATTACKS[attack], canary)
    if attack not in UNREACHABLE:
        assert_exploit_works(lambda: instantiate_naively(node), canary)
    rewrite(folder, lambda config: set_at(config, place, node))
    for reader in ("load", "evaluate", "resume"):
        assert_refused(reader, folder, canary, "trust=true")


PLACES = (
    *(
        "data",
        "model",
        "model.decoder",
        "model.x.y",
        "loss",
        "loss.scale",
        "latent.dim",
        "optimizer",
        "scheduler",
    ),
    *(
        "optimizer.betas",
        "trainer",
        "trainer.plugins",
        "trainer.profiler",
        "trainer.accelerator",
        "callbacks",
    ),
    *(
        "callbacks.x",
        "callbacks.snapshots.every",
        "logger",
        "logger.tensorboard.save_dir",
        "checkpoints.steps",
        "seed",
    ),
    *("image_shape", "choices.model", "changes", "early_stopping", "threads", "output_dir"),
)


WRAPS = {
    "bare": lambda node: node,
    "listed": lambda node: [1, [node]],
    "nested": lambda node: {"a": {"b": [node]}},
}


@pytest.mark.parametrize(("wrap", "place"), each_once(WRAPS, PLACES))
def test_a_target_at_any_key_runs_no_code(folder, canary, place, wrap):
    node = WRAPS[wrap](with_paths(SYSTEM, canary))
    assert_exploit_works(lambda: instantiate_naively({"_target_": "builtins.dict", "x": node}), canary)
    rewrite(folder, lambda config: set_at(config, place, node))
    for reader in ("load", "evaluate", "resume"):
        assert_refused(reader, folder, canary)


@pytest.mark.parametrize(
    ("place", "node"),
    [
        (
            "callbacks.x",
            {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "FOLDER/there"},
        ),
        ("callbacks.x", {"_target_": "jlml.pictures.BestCheckpoint", "folder": "FOLDER/there"}),
        ("callbacks.x", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "FOLDER/there"}),
        ("logger.x", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "FOLDER/there"}),
        ("trainer.profiler", {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "dirpath": "FOLDER"}),
        ("model", {"_target_": "lightning.Trainer", "default_root_dir": "FOLDER/there"}),
        ("loss", {"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1}),
        ("optimizer", {"_target_": "torch.nn.Linear", "_partial_": True}),
        (
            "data",
            {"_target_": "lightning.LightningDataModule", "name": "mnist", "batch_size": 1, "pixels": "grey"},
        ),
    ],
)
def test_a_class_of_a_trusted_package_is_refused_in_the_wrong_group(folder, canary, place, node):
    """Some classes of Lightning write or delete files in a folder that an option names."""
    rewrite(folder, lambda config: set_at(config, place, with_paths(node, canary)))
    for reader in ("load", "resume"):
        assert_refused(reader, folder, canary, "trust=true")
    assert not (canary.parent / "there").exists()


def test_checking_a_target_does_not_import_it():
    """One target is a program: importing it would end this process."""
    program = "torch.utils.model_dump.__main__"
    for target in (
        f"jlml.runs.{program}",
        "lightning.__main__.x",
        "jlml.training.json.tool.main",
        "torch.nn..",
    ):
        with pytest.raises(UserError, match="trust=true"):
            check_targets({"loss": {"_target_": target}})
    assert program not in sys.modules
    assert "json.tool" not in sys.modules


def test_trusted_callbacks_are_accepted_and_others_need_trust(folder):
    """For example, a user's run can have a callback of Lightning."""
    node = {"_target_": "lightning.pytorch.callbacks.LearningRateMonitor"}
    rewrite(folder, lambda config: set_at(config, "callbacks.x", node))
    jlml.load(folder)
    rewrite(folder, lambda config: set_at(config, "callbacks.x", {"_target_": "exploits.ForeignCallback"}))
    with pytest.raises(UserError, match="trust=true"):
        jlml.load(folder)
    jlml.load(folder, trust=True)
