"""Configs that name code to run: as a class to build, at any place, by a path through trusted packages."""

import sys

import pytest
from exploits import SYSTEM, armed, fires, naive, put, refused, rewrite

import jlml
from conftest import each_once
from jlml.errors import UserError
from jlml.runs import check_targets

SHELL = {"args": "TOUCH", "shell": True}
WALKS = (  # from a trusted package to what it has imported
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
    "torch.load by a walk": {
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
    "our own write_atomically": {"_target_": "jlml.files.write_atomically", "path": SYSTEM, "content": ""},
    "nested": {"_target_": "builtins.dict", "x": SYSTEM},
    "listed": {"_target_": "builtins.list", "_args_": [[1, [SYSTEM]]]},
    "nested in a class of ours": {"_target_": "jlml.losses.Bernoulli", "x": {"y": [SYSTEM]}},
    "not recursive": {**SYSTEM, "_recursive_": False},
    "as objects": {**SYSTEM, "_convert_": "object"},
    **{walk: {**SYSTEM, "_target_": walk} for walk in WALKS},
}


UNREACHABLE = {
    "jlml.config.keys.OmegaConf.__module__.os.system",
    "torch.optim.lr_scheduler.warnings.sys.modules.os.system",
}


@pytest.mark.parametrize(("place", "attack"), each_once(["loss", "model.encoder"], ATTACKS))
def test_a_config_runs_no_code(folder, canary, attack, place):
    node = armed(ATTACKS[attack], canary)
    if attack not in UNREACHABLE:
        fires(lambda: naive(node), canary)
    rewrite(folder, lambda config: put(config, place, node))
    for reader in ("load", "evaluate", "resume"):
        refused(reader, folder, canary, "trust=true")


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
    *("callbacks.x", "callbacks.snapshots.every", "logger", "logger.save_dir", "checkpoints.steps", "seed"),
    *("image_shape", "choices.model", "changes", "early_stopping", "threads", "output_dir"),
)


WRAPS = {
    "bare": lambda node: node,
    "listed": lambda node: [1, [node]],
    "nested": lambda node: {"a": {"b": [node]}},
}


@pytest.mark.parametrize(("wrap", "place"), each_once(WRAPS, PLACES))
def test_nowhere_in_a_config_is_code_run(folder, canary, place, wrap):
    node = WRAPS[wrap](armed(SYSTEM, canary))
    fires(lambda: naive({"_target_": "builtins.dict", "x": node}), canary)
    rewrite(folder, lambda config: put(config, place, node))
    for reader in ("load", "evaluate", "resume"):
        refused(reader, folder, canary)


@pytest.mark.parametrize(
    ("place", "node"),
    [
        (
            "callbacks.x",
            {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "FOLDER/there"},
        ),
        ("callbacks.x", {"_target_": "jlml.pictures.BestCheckpoint", "folder": "FOLDER/there"}),
        ("callbacks.x", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "FOLDER/there"}),
        ("logger", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "FOLDER/there"}),
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
def test_a_class_of_a_trusted_package_is_not_trusted_everywhere(folder, canary, place, node):
    """Lightning's own can write and delete where an option says."""
    rewrite(folder, lambda config: put(config, place, armed(node, canary)))
    for reader in ("load", "resume"):
        refused(reader, folder, canary, "trust=true")
    assert not (canary.parent / "there").exists()


def test_a_target_imports_nothing_beyond_the_trusted_packages():
    """A program, whose import would end this one."""
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


def test_what_is_trusted_is_still_made(folder):
    """A user's own run with Lightning's callbacks and torch's modules."""
    node = {"_target_": "lightning.pytorch.callbacks.LearningRateMonitor"}
    rewrite(folder, lambda config: put(config, "callbacks.x", node))
    jlml.load(folder)
    rewrite(folder, lambda config: put(config, "callbacks.x", {"_target_": "exploits.Mine"}))
    with pytest.raises(UserError, match="trust=true"):
        jlml.load(folder)
    jlml.load(folder, trust=True)
