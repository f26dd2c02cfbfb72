"""Run folders from a stranger: real exploits, each shown to work on a reader that trusts, then tried on ours.

An exploit that works leaves a file behind, the canary.
"""

import gzip
import io
import json
import os
import pickle
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import warnings
import zipfile
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hydra._internal.utils import _locate
from omegaconf import OmegaConf
from rich.console import Console

import jlml
from conftest import QUICK
from jlml.cli.command import one_sentence
from jlml.cli.evaluated import show
from jlml.config.schema import Evaluate
from jlml.data.mnist import load_mnist_5k
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.history import kept_codes
from jlml.evaluation.record import earlier_parts, settings_of_part
from jlml.files import LARGEST, read_json, write_atomically
from jlml.runs import Run, build_model, check_targets
from jlml.runs.config_file import read_config
from jlml.search.settings import Settings as SearchSettings
from jlml.search.trials import Trials
from jlml.sweeps.folder import Sweep, results_csv
from jlml.sweeps.ranking import ranking
from jlml.training.resume import resume


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    words = (f"data.root={data_root}", "callbacks=snapshots", "model=ae", "model.hidden=[16]", "loss=bce")
    config = jlml.compose(*(word for word in QUICK if not word.startswith("callbacks")), *words)
    return jlml.train(config, parent=tmp_path_factory.mktemp("runs")).run


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of a run. What torch is told by its environment must not matter."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    return shutil.copytree(trained.path, tmp_path / "sweep" / "run")


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


def evaluated(*words):
    return evaluate(jlml.compose("parts=[objective]", *words, config_name="evaluate"))


def twice(folder):
    shutil.copytree(folder, folder.with_name("again"), dirs_exist_ok=True, symlinks=True)
    return folder.parent


def as_sweep(folder):
    (twice(folder) / "sweep.yaml").write_text("jobs: {run: {}}")
    return folder.parent


READERS = {
    "load": lambda folder: jlml.load(folder),
    "load last": lambda folder: jlml.load(folder, checkpoint="last"),
    "evaluate": lambda folder: evaluated(f"run={folder}"),
    "evaluate last": lambda folder: evaluated(f"run={folder}", "checkpoint=last"),
    "compare": lambda folder: evaluated(f"runs={twice(folder)}"),
    "compare a sweep": lambda folder: evaluated(f"sweep={as_sweep(folder)}"),
    "resume": lambda folder: resume(folder, ["trainer.max_epochs=3"]),
}


def refused(reader, folder, canary, says=None):
    """A sentence, and no canary."""
    with pytest.raises(UserError, match=says) as raised:
        READERS[reader](folder)
    assert "\n" not in str(raised.value)
    assert not canary.exists()


def fires(exploit, canary):
    """Shows that an exploit is one."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        done = exploit()
        if isinstance(done, subprocess.Popen):
            done.wait()
    assert canary.exists()
    canary.unlink()


def naive(node):
    """What Hydra makes of a node, but for its own list of what it refuses, which is newer than its pin."""
    if isinstance(node, list):
        return [naive(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: naive(value) for name, value in node.items() if name not in HYDRAS}
    return _locate(node["_target_"])(*naive(node.get("_args_", [])), **made) if "_target_" in node else made


HYDRAS = ("_target_", "_args_", "_recursive_", "_convert_", "_partial_")

# Checkpoints


class Touch:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {shlex.quote(str(self.canary))}",)


def as_zip(path, payload):
    torch.save({"state_dict": payload, "global_step": 1}, path)


def as_legacy(path, payload):
    torch.save({"state_dict": payload}, path, _use_new_zipfile_serialization=False)


def as_pickle(path, payload):
    path.write_bytes(pickle.dumps({"state_dict": payload}))


def as_tar(path, payload):
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(payload)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def repacked(path, of_pickle):
    """The checkpoint itself, with other content in its data.pkl."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of two entries with one name
        for name, content in entries:
            for each in of_pickle(content) if name.endswith("/data.pkl") else [content]:
                archive.writestr(name, each)


PAYLOADS = {
    "zip": as_zip,
    "legacy": as_legacy,
    "pickle": as_pickle,
    "tar": as_tar,
    "data.pkl": lambda path, payload: repacked(path, lambda good: [pickle.dumps(payload)]),
    # of two entries with one name torch takes the last
    "two data.pkl": lambda path, payload: repacked(path, lambda good: [good, pickle.dumps(payload)]),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_checkpoint_runs_no_code(folder, canary, payload, reader):
    for which in ("best", "last"):
        path = folder / "checkpoints" / f"{which}.ckpt"
        PAYLOADS[payload](path, Touch(canary))
        with suppress(Exception):
            torch.load(path, weights_only=False)
        assert canary.exists()
        canary.unlink()
    refused(reader, folder, canary, "is not a checkpoint|None of the 2 runs")


def test_a_bad_best_checkpoint_stops_a_run_before_it_goes_on(folder, canary):
    """It would be loaded at the end only, and then after hours."""
    as_zip(folder / "checkpoints" / "best.ckpt", Touch(canary))
    before = (folder / "metrics.json").read_bytes()
    refused("resume", folder, canary)
    assert (folder / "metrics.json").read_bytes() == before


def test_training_loads_tensors_only_whatever_torch_is_told(tmp_path, canary, monkeypatch):
    from jlml.training.checkpoints import AtomicCheckpoints

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    as_zip(tmp_path / "last.ckpt", Touch(canary))
    fires(lambda: torch.load(tmp_path / "last.ckpt"), canary)
    with pytest.raises(UserError, match="is not a checkpoint"):
        AtomicCheckpoints({}).load_checkpoint(tmp_path / "last.ckpt")
    assert not canary.exists()


def test_only_torchs_own_types_are_safe_to_unpickle():
    """Nothing that is imported here has told torch to trust more."""
    names = {f"{getattr(one, '__module__', '')}" for one in torch.serialization.get_safe_globals()}
    assert {name.split(".")[0] for name in names} <= {"torch"}


def rewrite(folder, change):
    """Changes the config of a run, and its copy in the checkpoints."""
    config = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"), resolve=False)
    change(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    for path in (folder / "checkpoints").glob("*.ckpt"):
        torch.save(torch.load(path, weights_only=True) | {"config": config}, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["model"].update(hidden=[200_000, 200_000]),  # 160 GB
        lambda config: config["latent"].update(dim=10**10),
        lambda config: config.update(image_shape=[1, 100_000, 100_000]),
    ],
)
@pytest.mark.parametrize("reader", ["load", "evaluate", "resume"])
def test_a_config_cannot_ask_for_more_memory_than_its_checkpoint_has_weights(folder, canary, change, reader):
    rewrite(folder, change)
    refused(reader, folder, canary, "is not a checkpoint of this run|does not make a")


@pytest.mark.parametrize("reader", ["load", "evaluate", "resume"])
def test_weights_that_are_one_number_many_times_fill_no_memory(folder, canary, reader):
    rewrite(folder, lambda config: config["model"].update(hidden=[200_000, 200_000]))
    config = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
    with torch.device("meta"):
        shapes = build_model(config, tuple(config["image_shape"])).state_dict()
    weights = {name: torch.zeros(1).expand(weight.shape) for name, weight in shapes.items()}
    for path in (folder / "checkpoints").glob("*.ckpt"):
        torch.save(torch.load(path, weights_only=True) | {"state_dict": weights}, path)
    refused(reader, folder, canary, "its weights have 321,[0-9,]* bytes, more than the file")


# What a config names


SHELL = {"args": "TOUCH", "shell": True}
SYSTEM = {"_target_": "os.system", "_args_": ["TOUCH"]}
WALKS = (  # from a trusted package to what it has imported
    *("jlml.files.os.system", "jlml.data.mnist.os.system", "jlml.training.os.system", "jlml.cli.os.system"),
    *("torch.nn.modules.module.inspect.os.system", "torch.nn.modules.module.torch.os.system"),
    *("torch.optim.optimizer.torch.os.system", "torch.optim.lr_scheduler.warnings.sys.modules.os.system"),
    *("lightning.pytorch.trainer.trainer.os.system", "lightning.fabric.fabric.os.system"),
    *("lightning.fabric.utilities.seed.os.system", "jlml.config.keys.OmegaConf.__module__.os.system"),
    *(
        "jlml.models.base.nn.modules.module.inspect.os.system",
        "jlml.runs.torch.nn.functional.torch.os.system",
    ),
)
ATTACKS = {
    "os.system": SYSTEM,
    "eval": {"_target_": "builtins.eval", "_args_": ["__import__('os').system('TOUCH')"]},
    "exec": {"_target_": "builtins.exec", "_args_": ["__import__('os').system('TOUCH')"]},
    "torch.load": {"_target_": "torch.load", "f": "FOLDER/pickle.pt", "weights_only": False},
    "torch.load by a walk": {
        "_target_": "jlml.runs.torch.load",
        "f": "FOLDER/pickle.pt",
        "weights_only": False,
    },
    "torch.hub.load": {
        "_target_": "torch.hub.load",
        "repo_or_dir": "FOLDER",
        "model": "m",
        "source": "local",
    },
    "subprocess.run": {"_target_": "jlml.training.subprocess.run", **SHELL},
    "subprocess.Popen, a class": {"_target_": "jlml.training.subprocess.Popen", **SHELL},
    "Path.touch": {"_target_": "jlml.runs.Path.touch", "_args_": ["CANARY"]},
    "our own write_atomically": {"_target_": "jlml.files.write_atomically", "path": SYSTEM, "content": ""},
    "nested": {"_target_": "builtins.dict", "x": SYSTEM},
    "listed": {"_target_": "builtins.list", "_args_": [[1, [SYSTEM]]]},
    "nested in a class of ours": {"_target_": "jlml.losses.Bernoulli", "x": {"y": [SYSTEM]}},
    "not recursive": {**SYSTEM, "_recursive_": False},
    "as objects": {**SYSTEM, "_convert_": "object"},
    **{walk: {**SYSTEM, "_target_": walk} for walk in WALKS},
}


def armed(node, canary):
    """The node with the places of this test in it."""
    home = canary.parent
    (home / "hubconf.py").write_text(f"import os\nos.system('touch {canary}')\ndef m(): pass\n")
    as_zip(home / "pickle.pt", Touch(canary))
    text = json.dumps(node).replace("TOUCH", f"touch {canary}").replace("CANARY", str(canary))
    return json.loads(text.replace("FOLDER", str(home)))


UNREACHABLE = {
    "jlml.config.keys.OmegaConf.__module__.os.system",
    "torch.optim.lr_scheduler.warnings.sys.modules.os.system",
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["loss", "model.encoder"])
def test_a_config_runs_no_code(folder, canary, attack, place):
    node = armed(ATTACKS[attack], canary)
    if attack not in UNREACHABLE:
        fires(lambda: naive(node), canary)
    rewrite(folder, lambda config: put(config, place, node))
    for reader in ("load", "evaluate", "resume"):
        refused(reader, folder, canary, "trust=true")


def put(config, place, node):
    *path, last = place.split(".")
    for name in path:
        config = config.setdefault(name, {})
    config[last] = node


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


@pytest.mark.parametrize(
    "wrap", [lambda node: node, lambda node: [1, [node]], lambda node: {"a": {"b": [node]}}]
)
@pytest.mark.parametrize("place", PLACES)
def test_nowhere_in_a_config_is_code_run(folder, canary, place, wrap):
    node = wrap(armed(SYSTEM, canary))
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
    rewrite(folder, lambda config: put(config, "callbacks.x", {"_target_": "test_hostile.Mine"}))
    with pytest.raises(UserError, match="trust=true"):
        jlml.load(folder)
    jlml.load(folder, trust=True)


# What a config's file can hide


def append(folder, text):
    file = folder / "config.yaml"
    file.write_text(file.read_text() + text)


TAGS = (
    "!!python/object/apply:os.system ['TOUCH']",
    "!!python/object/new:os.system ['TOUCH']",
    "!!python/object/apply:builtins.eval [\"__import__('os').system('TOUCH')\"]",
)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("reader", READERS)
def test_a_tag_of_yaml_runs_no_code(folder, canary, tag, reader):
    tag = tag.replace("TOUCH", f"touch {canary}")
    fires(lambda: yaml.unsafe_load(tag), canary)
    append(folder, f"threads: {tag}\n")
    refused(reader, folder, canary, "cannot be read")


CREATE = "{oc.create:{_target_: os.system, _args_: ['TOUCH']}}"
HIDDEN = {  # each is the text $ + CREATE to a parser of YAML
    "plain": f'"${CREATE}"',
    "an escaped sign": f'"\\x24{CREATE}"',
    "an escaped brace": f'"$\\x7b{CREATE[1:]}"',
    "in UTF-16 and UTF-32": f'"\\u0024\\U0000007b{CREATE[1:]}"',
    "over a broken line": f'"$\\\n    {CREATE}"',
    "after another": '"a${seed}$' + CREATE + '"',
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("reader", READERS)
def test_a_resolver_runs_no_code(folder, canary, hidden, reader):
    """`oc.create` hands Hydra a node that no check of targets has seen."""
    text = HIDDEN[hidden].replace("TOUCH", f"touch {canary}")
    if hidden != "after another":
        fires(lambda: naive(OmegaConf.to_container(OmegaConf.create(f"x: {text}"), resolve=True)), canary)
    file = folder / "config.yaml"
    lines = file.read_text().splitlines(keepends=True)
    lines.insert(lines.index("optimizer:\n") + 1, f"  betas: {text}\n")
    file.write_text("".join(lines))
    refused(reader, folder, canary, "interpolation|None of the 2 runs")


@pytest.mark.parametrize(
    "value",
    ["${oc.env:HOME}", "\\${oc.env:HOME}", "${now:%Y}", "${hydra:runtime.cwd}", "${oc.decode:'1'}", "???"],
)
@pytest.mark.parametrize(
    "place", ["optimizer.betas", "output_dir", "choices.model", "model.hidden", "data.root"]
)
def test_nothing_in_a_config_is_resolved(folder, canary, value, place):
    rewrite(folder, lambda config: put(config, place, value))
    refused("load", folder, canary, "interpolation|missing value")
    rewrite(folder, lambda config: put(config, place, {value: 1}))
    refused("load", folder, canary, "interpolation|missing value")


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "!!binary aGk=", "[1, 2]", "{a: 1}", "~"])
@pytest.mark.parametrize(
    "group", ["latent", "model", "trainer", "callbacks", "checkpoints", "data", "choices"]
)
def test_keys_are_words(folder, canary, group, key):
    file = folder / "config.yaml"
    file.write_text(file.read_text().replace(f"\n{group}:\n", f"\n{group}:\n  ? {key}\n  : 1\n"))
    assert f"? {key}" in file.read_text()
    refused("load", folder, canary, "config.yaml")


def test_aliases_of_aliases_fill_no_memory(folder, canary):
    """A billion laughs: nine lines that stand for 10^9 values."""
    bomb = "a0: &a0 [lol]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    assert counted(yaml.safe_load(bomb)["a9"]) == 10**9
    append(folder, bomb)
    started = time.perf_counter()
    for reader in READERS:
        refused(reader, folder, canary, "aliases")
    assert time.perf_counter() - started < 20


def counted(node, seen=None):
    """How many values an alias stands for."""
    seen = {} if seen is None else seen
    if not isinstance(node, list):
        return 1
    if id(node) not in seen:
        seen[id(node)] = sum(counted(each, seen) for each in node)
    return seen[id(node)]


@pytest.mark.parametrize(
    "text",
    [
        "seed: 0x" + "f" * 10_000,
        "seed: " + "9" * 10_000,
        "seed: " + "[" * 5_000,
        "seed: " + "{a: " * 5_000,
        "x: " + "y" * 1_000_000,
        "seed: .inf",
        "seed: 1e400",
        "\ud800".encode("utf-8", "surrogatepass"),
        b"\xff\xfe\x00",
        b"\0",
        "---\n---\n",
        "%YAML 9.9\n---\na: 1",
    ],
    ids=range(12),
)
def test_monsters_in_a_config_are_a_sentence(folder, canary, text):
    file = folder / "config.yaml"
    file.write_bytes(file.read_bytes() + (text if isinstance(text, bytes) else text.encode()) + b"\n")
    for reader in READERS:
        refused(reader, folder, canary)


# Where paths and links lead


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "mnist_5k"])
def test_nothing_is_written_or_downloaded_where_a_config_says(folder, canary, name, tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    fires(lambda: load_mnist_5k(there) and (there / "mnist_5k.npz").rename(canary), canary)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JLML_DATA")  # where data are in the user's own words
    rewrite(folder, lambda config: config["data"].update(name=name, root=str(there)))
    if name == "mnist_5k":  # which can be had without
        assert not evaluated(f"run={folder}").failed
    else:
        for reader in ("evaluate", "resume"):
            refused(reader, folder, canary, "Name the folder: data.root")
    assert not list(there.iterdir())


def test_a_logger_writes_into_the_run_whatever_its_config_says(folder, tmp_path):
    rewrite(folder, lambda config: config["logger"].update(save_dir=str(tmp_path / "there")))
    with suppress(UserError):
        resume(folder, ["trainer.max_epochs=3"])
    assert not (tmp_path / "there").exists()


def test_a_run_is_made_nowhere_else(folder, tmp_path):
    rewrite(folder, lambda config: config.update(output_dir=str(tmp_path / "there")))
    assert resume(folder, ["trainer.max_epochs=3"]).run.path == folder
    assert not (tmp_path / "there").exists()


LINKS = (
    *("train.log", ".lock", "metrics.json", "progress.json", "config.yaml", "projector_config.pbtxt"),
    *("snapshots", "snapshots/step_00000015.npy", "checkpoints", "checkpoints/last.ckpt", "lightning_logs"),
    *("00015", ".metrics.json.PID", ".config.yaml.PID", "evaluation/.report.html.PID", "evaluation"),
    *("evaluation/last", "evaluation/metrics.json", "evaluation/report.html", "evaluation/objective_x.png"),
)
OF_FOLDERS = ("evaluation", "evaluation/last", "00015", "lightning_logs")  # a projector's and a logger's


@pytest.mark.parametrize("link", LINKS)
def test_a_link_planted_in_a_run_leads_no_writer_out_of_it(folder, tmp_path, link):
    """Whoever follows it changes what is the user's: the bytes of a file, or what a folder holds."""
    entry, victim = folder / link.replace("PID", str(os.getpid())), tmp_path / "precious"
    if entry.is_dir():
        entry.rename(victim)
    elif link in OF_FOLDERS:
        victim.mkdir()
    else:
        victim.write_bytes(entry.read_bytes() if entry.exists() else b"precious")
        entry.unlink(missing_ok=True)
    entry.parent.mkdir(exist_ok=True)
    entry.symlink_to(victim)
    before = contents(victim)
    with pytest.raises(UserError, match="a link that leads out"):
        READERS["resume"](folder)
    for reader in ("evaluate", "evaluate last"):
        try:
            READERS[reader](folder)
        except UserError as error:
            assert "is a link or is inside one" in str(error)  # noqa: PT017
        assert contents(victim) == before


def contents(place):
    if place.is_file():
        return place.read_bytes()
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()} | {
        str(folder): None for folder in place.rglob("*") if folder.is_dir()
    }


def test_a_file_is_replaced_and_no_link_beside_it_followed(tmp_path):
    victim = tmp_path / "precious"
    victim.write_text("precious")
    for name in ("file", f".file.{os.getpid()}"):
        (tmp_path / name).symlink_to(victim)
    write_atomically(tmp_path / "file", "new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "file").read_text() == "new"


def test_a_run_may_hold_links_to_itself_and_be_reached_by_one(folder, tmp_path):
    (folder / "newest.ckpt").symlink_to("checkpoints/last.ckpt")
    (tmp_path / "latest").symlink_to(folder)
    assert resume(tmp_path / "latest", ["trainer.max_epochs=3"]).run.metrics()["status"] == "finished"


@pytest.mark.parametrize("name", ["..", "../..", "checkpoints", "nowhere/..", "/"])
def test_a_name_that_leads_elsewhere_is_no_run(folder, canary, name):
    with pytest.raises(UserError, match="is not a run folder"):
        evaluated(f"run='{folder / name}/'")


# Numbers, codes, caches, journals, plans


MONSTERS = {
    "deep": "[" * 100_000,
    "deeper": '{"metrics":' * 100_000,
    "list": "[]",
    "null": "null",
    "nan": '{"status": "finished", "metrics": {"val/mse": NaN, "val/bce": Infinity, "test/mse": -1e999}}',
    "huge": '{"status": "finished", "metrics": {"val/mse": 1' + "0" * 4000 + '}, "fit_seconds": 1e999}',
    "longer": '{"a": ' + "1" * 10_000 + "}",
    "words": '{"status": ["finished"], "metrics": {"val/mse": "small", "test/mse": [1]}, "fit_seconds": ""}',
    "no numbers": '{"status": "finished", "metrics": {"val/mse": null, "": {}}, "error": {"a": [1]}}',
    "metrics are a word": '{"status": "finished", "metrics": "good", "epochs": {}, "images_per_second": []}',
    "half a character": '{"status": "\\ud800", "error": "\\udfff", "data": "\\ud800"}',
    "zeros": "\0" * 1000,
}


def pipe(path):
    os.mkfifo(path)


SPOILERS = {
    **{name: (lambda path, text=text: path.write_text(text)) for name, text in MONSTERS.items()},
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": pipe,
    "a folder": lambda path: path.mkdir(),
    "large": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
    "a loop": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_monsters_in_metrics_are_survived(folder, spoiler):
    for file in ("metrics.json", "progress.json"):
        (folder / file).unlink()
        SPOILERS[spoiler](folder / file)
    assert isinstance(Run.open(folder).metrics(), dict)
    plan = {"over": ["seed"], "fixed": [], "jobs": {"run": {"seed": "0"}}}
    (folder.parent / "sweep.yaml").write_text(yaml.safe_dump(plan))
    results = Sweep(folder.parent).results()
    write_atomically(folder.parent / "results.csv", results_csv(results))
    Console(file=io.StringIO()).print(ranking(results, "val/mse"))
    with pytest.raises(UserError, match="finds"):  # less than two
        evaluated(f"runs={folder.parent}")


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_monsters_in_an_earlier_evaluation_are_survived(folder, spoiler):
    (folder / "evaluation").mkdir()
    SPOILERS[spoiler](folder / "evaluation" / "metrics.json")
    assert earlier_parts(Run.open(folder), "best", Evaluate()) == {}


def save_objects(path, canary):
    np.save(path, np.array([Touch(canary)], dtype=object), allow_pickle=True)


def header(text, data=b""):
    content = text.encode()
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + data


CODES = {
    "too many": header("{'descr': '<f2', 'fortran_order': False, 'shape': (1000000000000, 2)}\n"),
    "overflow": header("{'descr': '<f2', 'fortran_order': False, 'shape': (4611686018427387904, 4)}\n"),
    "negative": header("{'descr': '<f2', 'fortran_order': False, 'shape': (-1, 2)}\n"),
    "nothing": header("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000, 2)}\n"),
    "nested": header("{'descr': " + "[" * 9000 + "}\n"),
    "code": header("__import__('os').system('false')\n"),
    "records": header("{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (1,)}\n", b"\0\0"),
    "text": header("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}\n", b"\0\0\0\0"),
    "scalar": header("{'descr': '<f2', 'fortran_order': False, 'shape': ()}\n", b"\0\0"),
    "zip": b"PK\3\4",
    "empty": b"",
}


def test_snapshots_run_no_code(folder, canary):
    file = folder / "snapshots" / "step_00000005.npy"
    save_objects(file, canary)
    fires(lambda: np.load(file, allow_pickle=True), canary)
    with pytest.raises(UserError, match="is not a snapshot"):
        kept_codes(folder / "snapshots", 2, 10)
    shutil.copy(file, folder / "snapshots" / "labels.npy")
    with pytest.raises(UserError, match="is not a snapshot"):
        kept_codes(folder / "snapshots", 2, 10)
    assert not canary.exists()


@pytest.mark.parametrize("spoil", [*CODES, "endless", "a pipe", "a folder", "large", "a loop"])
@pytest.mark.parametrize("name", ["step_00000005.npy", "labels.npy"])
def test_monsters_in_snapshots_are_a_sentence(folder, spoil, name):
    file = folder / "snapshots" / name
    assert file.exists()
    file.unlink()
    if spoil in CODES:
        file.write_bytes(CODES[spoil])
    else:
        SPOILERS[spoil](file)
    with pytest.raises(UserError) as raised:
        kept_codes(folder / "snapshots", 2, 10)
    assert "\n" not in str(raised.value)


def test_classes_that_are_none_are_a_sentence(folder):
    np.save(folder / "snapshots" / "labels.npy", np.full(300, 10, dtype=np.uint8))
    with pytest.raises(UserError, match="does not hold the classes"):
        kept_codes(folder / "snapshots", 2, 10)


def test_the_cache_of_5000_images_runs_no_code_and_fills_no_memory(tmp_path, canary):
    file = tmp_path / "mnist_5k.npz"
    objects = np.array([Touch(canary)], dtype=object)
    np.savez(file, images=objects, labels=objects)
    fires(lambda: np.load(file, allow_pickle=True)["images"], canary)
    assert len(load_mnist_5k(tmp_path).images) == 5000
    assert not canary.exists()
    np.savez_compressed(file, images=np.zeros((50_000, 28, 28, 1), dtype=np.uint8), labels=np.zeros(1))
    assert len(load_mnist_5k(tmp_path).images) == 5000


@pytest.mark.parametrize(
    "journal",
    [
        None,
        b'{"op_code": 99}\n',
        b'{"op_code": 0}\n',
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_the_journal_of_a_search_runs_no_code(tmp_path, canary, journal):
    words = ("search=ae", "model=ae", "data=mnist_5k", f"output_dir={tmp_path}", "search.name=there")
    settings = SearchSettings.of(jlml.compose(*words))
    folder = tmp_path / "searches" / "there"
    folder.mkdir(parents=True)
    if journal is None:
        journal = pickle.dumps(Touch(canary)) + b"\n"
        fires(lambda: pickle.loads(journal), canary)
    (folder / "journal.log").write_bytes(journal)
    with pytest.raises(UserError) as raised:
        Trials(settings)
    assert "\n" not in str(raised.value)
    assert not canary.exists()


@pytest.mark.parametrize("link", ["journal.log", ".locks", "search.yaml", "results.csv", "trial-0000"])
def test_a_search_follows_no_link_out_of_its_folder(tmp_path, link):
    words = ("search=ae", "model=ae", "data=mnist_5k", f"output_dir={tmp_path}", "search.name=there")
    folder, victim = tmp_path / "searches" / "there", tmp_path / "precious"
    folder.mkdir(parents=True)
    victim.mkdir() if link in (".locks", "trial-0000") else victim.write_text("not a line")
    (folder / link).symlink_to(victim)
    with pytest.raises(UserError, match="a link that leads out"):
        Trials(SearchSettings.of(jlml.compose(*words)))
    assert contents(victim) in ({}, b"not a line")


PLANS = (
    "jobs: !!python/object/apply:os.system ['TOUCH']",
    "{over: [seed], fixed: [], jobs: {'../../there': {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {/tmp: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {..: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {run: {loss: '0'}}}",
    "{over: seed, fixed: [], jobs: {run: {seed: '0'}}}",
    "{over: [1], fixed: {}, jobs: {run: {seed: '0'}}}",
    "{over: [seed], fixed: [], jobs: {run: {seed: &a [1]}, other: {seed: *a}}}",
    "{over: [seed], fixed: [], jobs: {1: {seed: '0'}}}",
    "[" * 10_000,
)


@pytest.mark.parametrize("plan", PLANS)
def test_the_plan_of_a_sweep_is_a_plan_or_a_sentence(tmp_path, canary, plan):
    plan = plan.replace("TOUCH", f"touch {canary}")
    if "python" in plan:
        fires(lambda: yaml.unsafe_load(plan), canary)
    (tmp_path / "sweep.yaml").write_text(plan)
    with pytest.raises(UserError, match="is not the folder of a sweep"):
        Sweep(tmp_path).jobs()
    assert not canary.exists()


# Pages and terminals


IN_PAGE = (
    "</title></td></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "<a href='javascript:alert(1)'>"
)
IN_ATTRIBUTE = '" onload="alert(1)" x="'
IN_NAME = "\"><img src=x onerror=alert(1)><script>'{{7*7}}"  # a folder's name has no slash


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and where its links lead."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, *sorted(name for name, _ in attributes)))
        self.links += [value for name, value in attributes if name in ("href", "src", "action")]


def page_of(result):
    return (result.folder / ("report.html" if hasattr(result, "parts") else "comparison.html")).read_text()


def spoil_words(folder):
    """Every word of a config that a page may show, and a part that failed before."""

    def change(config):
        config["choices"] = {group: f"{group}{IN_PAGE}{IN_ATTRIBUTE}" for group in config["choices"]}
        config["changes"] = [
            f"a={IN_PAGE}",
            f"b={IN_ATTRIBUTE}",
            "c=javascript:alert(1)",
            "d=\ud800",
            "{{7*7}}",
        ]

    rewrite(folder, change)
    part = {"status": "failed", "reason": f"{IN_PAGE}\ud800", "seconds": 1}
    file = folder / "evaluation" / "metrics.json"
    content = json.loads(file.read_text())
    content["parts"]["tsne"] = {**part, "settings": settings_of_part("tsne", Evaluate())}
    content["parts"]["objective"]["notes"] = [IN_PAGE]
    file.write_text(json.dumps(content))


def test_the_parser_sees_what_a_page_that_does_not_escape_would_hold():
    assert ("script",) in Page(f"<td>{IN_PAGE}</td>").elements
    assert ("img", "alt", "onload", "x") in Page(f'<img alt="{IN_ATTRIBUTE}">').elements


def test_pages_escape_whatever_they_show(folder):
    evaluated(f"run={folder}")
    plain = folder.with_name("plain")
    shutil.copytree(folder, plain)
    for name in (f"a{IN_NAME}", f"b{IN_NAME}", "javascript:alert(1)"):
        there = shutil.copytree(plain, folder.with_name(name))
        spoil_words(there)
        word = str(there).replace("\\", "\\\\").replace("'", "\\'")
        page = Page(page_of(evaluated(f"run='{word}'")))
        of_plain = Page(page_of(evaluated(f"run={plain}")))
        extra = set(page.elements) - set(of_plain.elements)
        assert extra <= {("p", "class")}  # of the part that failed
        assert all(link.startswith(("#", "data:image/")) for link in page.links)
    shutil.rmtree(plain)
    result = evaluated(f"runs={folder.parent}")
    assert len(result.groups) > 0
    page = Page(page_of(result))
    assert not {"script", "iframe", "object", "form"} & {element[0] for element in page.elements}
    assert all(not name.startswith("on") for element in page.elements for name in element[1:])
    assert all(link.startswith(("data:image/", "../", "run/")) or "%3A" in link for link in page.links)
    assert all("javascript:" not in link for link in page.links)
    assert "49" not in "".join(row for row in page_of(result).split("\n") if "7*7" in row)


def test_a_name_is_no_markup_of_the_terminal(folder, capsys):
    there = Path(shutil.copytree(folder, folder.with_name("[bold]x")))
    show(evaluated(f"run='{there}'"))
    assert "[bold]x" in capsys.readouterr().out


def test_a_terminal_obeys_no_name(capsys):
    """ESC ] 0 sets a window's title, ESC ] 52 the clipboard."""
    with pytest.raises(SystemExit) as ended, one_sentence():
        raise UserError("run=\x1b]52;c;cm0gLXJm\x07 \ud800 \u202e is not a run folder.")
    assert ended.value.code == "Error: run=\\x1b]52;c;cm0gLXJm\\x07 \\ud800 \\u202e is not a run folder."


def test_a_gzip_of_the_config_is_no_config(folder):
    (folder / "config.yaml").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(UserError, match="cannot be read"):
        read_config(folder / "config.yaml")
    assert read_json(folder / "config.yaml") == {}
    assert LARGEST < 10_000_000
