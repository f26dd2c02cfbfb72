"""A run folder: everything that is needed to load, evaluate or resume a run.

<run>/config.yaml            resolved, plain config with the image shape: enough to rebuild the model
<run>/checkpoints/best.ckpt  best validation loss; last.ckpt has the latest training state, and
                             epoch_0005.ckpt, ... the weights along training, if they are kept
<run>/metrics.json           status, final metrics, versions
<run>/history.csv            every logged number, a row per logged step
<run>/progress.json          current epoch and step, and the time of the last report
<run>/snapshots/             validation codes during training
<run>/train.log              log messages
<run>/events.out.tfevents.*  TensorBoard; the metrics are in train/, val/ and test/
"""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from omegaconf import OmegaConf

import jlml
from jlml.config import Config, check, check_options, differences, in_words
from jlml.errors import UserError, did_you_mean, reason_of
from jlml.files import locked, read_json, refuse_links_out, remove_leftovers, write_atomically
from jlml.models import Autoencoder
from jlml.runs.build import build_model
from jlml.runs.checkpoint_file import read_checkpoint
from jlml.runs.config_file import read_config
from jlml.runs.finding import found_run
from jlml.runs.heartbeat import is_trained_elsewhere
from jlml.runs.matching import config_mismatch, dict_in, weights_mismatch
from jlml.runs.naming import folder_name
from jlml.runs.trust import check_targets
from jlml.runs.upgrade import upgrade_config

STATES = ("not begun", "running", "cut off", "finished", "pruned", "interrupted", "failed")
# required keys of a checkpoint, to load its model and to resume training
FOR_MODEL = ("state_dict", "config")
FOR_TRAINING = (*FOR_MODEL, "optimizer_states", "lr_schedulers", "loops", "callbacks", "global_step")
TAKEN = (errno.ENOTEMPTY, errno.EEXIST)  # another run has this folder


@dataclass(frozen=True)
class Run:
    """A run folder on disk."""

    path: Path

    @classmethod
    def create(cls, config: Config, parent: Path) -> "Run":
        """Creates a folder under ``parent``, named by date, time and choices, with its `config.yaml`.

        Folder and config appear in one step. Runs that start in the same second get different folders.
        """
        name = folder_name(config)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".", dir=parent) as hidden:
                new = cls(Path(hidden, name))
                new.path.mkdir()
                new.record_config(config)
                return cls(renamed(new.path, parent / name))
        except OSError as error:
            raise UserError(
                f"A run folder cannot be created in output_dir={parent}: {error.strerror}."
            ) from error

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Opens the run in a folder, or the run to which a checkpoint file belongs, or the `last` run.

        Raises:
            UserError: the path is not a run.
        """
        return cls(found_run(path))

    @classmethod
    def at(cls, path: Path) -> "Run":
        """The run in exactly this folder, which is created if it does not exist."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"A run folder cannot be created at {path}: {error.strerror}.") from error
        return cls(path)

    def remove_if_unused(self, parents: Sequence[Path] = (), is_new: bool = False) -> None:
        """Removes the folder if it is empty, and then the given parents if they are.

        Args:
            parents: folders that were created for this one.
            is_new: the folder is from `create`, so its config may be removed with it.
        """
        with suppress(OSError):  # not empty, or moved away
            if is_new and os.listdir(self.path) == ["config.yaml"]:
                (self.path / "config.yaml").unlink()
            for folder in (self.path, *parents):
                folder.rmdir()

    def record_config(self, config: Config) -> None:
        """Writes `config.yaml`."""
        write_atomically(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

    def config(self, trust: bool = False) -> Config:
        """Reads and checks the config of the run, which is untrusted.

        Args:
            trust: accept classes outside jlml, torch and lightning.
        """
        file = self.path / "config.yaml"
        with self._newer_version_explained():
            config = upgrade_config(read_config(file))
            try:
                check(config)
            except UserError as error:
                raise UserError(f"{file}: {error}") from error
            if not trust:
                check_targets(config)
            for group in ("data", "model", "loss", "optimizer"):
                check_options(config.get(group) or {}, group)
        return config

    @contextmanager
    def _newer_version_explained(self) -> Iterator[None]:
        """Explains an error about a run of a newer version: this version may not understand it."""
        try:
            yield
        except UserError as error:
            theirs = dict_in(self.metrics(), "versions").get("jlml")
            if numbers_in(theirs) > numbers_in(jlml.__version__):
                raise UserError(
                    f"{self.path} was created by jlml {theirs}, and this version, {jlml.__version__}, cannot "
                    f"read it. {error} Use jlml {theirs} or newer."
                ) from error
            raise

    def refuse_another(self, config: Config, choose: str = "another folder") -> None:
        """Refuses a config that differs from that of the run in this folder, if there is one.

        A larger number of epochs is allowed, to extend a run.

        Args:
            config: plain config, with the image shape and the name of the loaded data set.
            choose: what the user can choose instead, for the message.

        Raises:
            UserError: with the differences.
        """
        if not (self.path / "config.yaml").is_file():
            return
        there = self.config(trust=True)
        differing = differences(there, config)
        if config["trainer"]["max_epochs"] > there["trainer"]["max_epochs"]:
            differing.pop("trainer.max_epochs", None)
        if differing:
            raise UserError(
                f"{self.path} contains a run with another config: {in_words(differing)}. Choose {choose}."
            )

    def checkpoint_to_resume(self, model: Autoencoder, config: Config) -> Path | None:
        """The checkpoint from which this model can resume; None if there is none yet.

        Raises:
            UserError: the folder contains a run with another config, or one of its checkpoints is damaged.
        """
        self.refuse_another(config)
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return None
        states = dict_in(self.read(last, model, config, FOR_TRAINING), "callbacks").values()
        best = last.with_name("best.ckpt")
        if best.exists():  # it is tested at the end, unless a later epoch is better
            self.read(best, model, config)
        elif any(isinstance(state, dict) and state.get("best_model_score") is not None for state in states):
            raise UserError(f"{best} is missing, and {last.name} needs it. Restore both files.")
        return last

    def checkpoint(self, which: str = "best") -> Path:
        """The path of the `best` or the `last` checkpoint, or of one along training: `epoch_0005`.

        Raises:
            UserError: it is missing.
        """
        path = self.path / "checkpoints" / f"{which}.ckpt"
        if not path.is_file():
            hint = did_you_mean(which, [file.stem for file in path.parent.glob("*.ckpt")])
            raise UserError(f"{self.path} has no checkpoint {which!r}: {path} is missing.{hint}")
        return path

    def epoch_checkpoint(self, epochs: int) -> Path:
        """Where `keep_checkpoints_every` keeps the weights after a number of epochs."""
        return self.path / "checkpoints" / f"epoch_{epochs:04d}.ckpt"

    def kept_epochs(self) -> dict[int, Path]:
        """The checkpoints along training in order, by the number of finished epochs; 0 is before training.

        Files with other names are ignored.
        """
        files = (self.path / "checkpoints").glob("epoch_*.ckpt")
        named = {path: re.fullmatch(r"epoch_(0[0-9]{3}|[1-9][0-9]{3,8})", path.stem) for path in files}
        found = {int(match[1]): path for path, match in named.items() if match and path.is_file()}
        return dict(sorted(found.items()))

    def last_good(self) -> str:
        """A sentence about the last usable checkpoint of a failed run."""
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return "No checkpoint had been written yet."
        return f"The last good checkpoint, from step {step_of(last)}, is {last}."

    def load_model(self, which: str = "best", trust: bool = False) -> Autoencoder:
        """Loads the trained model to the CPU, in eval mode and with frozen weights."""
        config = self.config(trust)
        content = self.matching_checkpoint(config, which, trust)
        model = self._build(config)
        model.load_state_dict(content["state_dict"])
        return model.eval().requires_grad_(False)

    def matching_checkpoint(self, config: Config, which: str, trust: bool = False) -> dict[str, Any]:
        """Reads a checkpoint and checks that it fits the model of a config.

        An untrusted config could describe a huge model, so its shapes are checked on the meta device, which
        allocates no memory.
        """
        with torch.device("cpu" if trust else "meta"):
            return self.read(self.checkpoint(which), self._build(config), config)

    def read(
        self, path: Path, model: Autoencoder, config: Config, needed: Sequence[str] = FOR_MODEL
    ) -> dict[str, Any]:
        """Reads a checkpoint and checks that it belongs to this run and fits this model.

        Raises:
            UserError: it is damaged, belongs to another run, or lacks a required key.
        """
        content = read_checkpoint(path)
        with self._newer_version_explained():
            flaw = next((f"it has no {key}" for key in needed if key not in content), None)
            flaw = flaw or config_mismatch(content["config"], config)
            flaw = flaw or weights_mismatch(content["state_dict"], model.state_dict(), path.stat().st_size)
            if flaw:
                raise UserError(f"{path} is not a checkpoint of this run: {flaw}.")
        return content

    def _build(self, config: Config) -> Autoencoder:
        channels, height, width = config["image_shape"]
        try:
            return build_model(config, (channels, height, width))
        except UserError:
            raise
        except Exception as error:  # an unchecked option can make a class raise any error
            raise UserError(
                f"The model of {self.path / 'config.yaml'} cannot be built: {reason_of(error)}."
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Locks the folder for training. The lock is released when the process ends.

        Raises:
            UserError: another process trains here, or the folder has a link that leads out of it.
        """
        refuse_links_out(self.path)
        with locked(self.path / ".lock", wait=1) as free:  # `state` holds the lock for a moment
            if not free:
                raise UserError(f"Another process is training in {self.path}. Wait for it, or stop it.")
            remove_leftovers(self.path, self.path / "checkpoints", self.path / "snapshots")
            yield

    def state(self) -> str:
        """One of `STATES`, or `unknown` if metrics.json has another status.

        A run is `cut off` if its status is running but no process trains it. A training process holds the
        lock. A lock on another machine may be invisible; then the heartbeat decides.
        """
        status = self.metrics().get("status", "not begun")
        if status != "running":
            return status if status in STATES else "unknown"
        lock = self.path / ".lock"
        with suppress(OSError):  # no process can train in a read-only folder
            if lock.exists():
                with locked(lock) as free:
                    if not free:
                        return status
        return status if is_trained_elsewhere(self.path) else "cut off"

    def write_metrics(self, content: Mapping[str, Any]) -> None:
        """Writes `metrics.json`."""
        write_atomically(self.path / "metrics.json", json.dumps(content, indent=2) + "\n")

    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`; empty if the file is missing or damaged."""
        return read_json(self.path / "metrics.json")


def renamed(folder: Path, wanted: Path) -> Path:
    """Renames a folder, with a number appended if another folder has the wanted path. Returns its path."""
    for attempt in count(1):
        try:
            return folder.rename(wanted if attempt == 1 else wanted.with_name(f"{wanted.name}_{attempt}"))
        except OSError as error:
            if error.errno not in TAKEN:
                raise
    raise AssertionError("count() does not end")


def step_of(checkpoint: Path) -> int:
    """The optimizer step of a checkpoint.

    Raises:
        UserError: the checkpoint cannot be read.
    """
    step = read_checkpoint(checkpoint).get("global_step")
    if not isinstance(step, int) or not 0 <= step < 2**63:
        raise UserError(f"{checkpoint} is not a checkpoint of jlml: it has no global_step.")
    return step


def missing_folders(path: Path) -> list[Path]:
    """The folder and its parents that do not exist, innermost first."""
    return [folder for folder in (path, *path.parents) if not os.path.exists(folder)]  # raises no OSError


def numbers_in(version: Any) -> tuple[int, ...]:
    """A version as a tuple of integers, to compare versions; empty if it is not a version."""
    parts = re.match(r"\d{1,9}(\.\d{1,9})*", version) if isinstance(version, str) else None
    return tuple(map(int, parts[0].split("."))) if parts else ()


def load(run: str | Path, checkpoint: str = "best", trust: bool = False) -> Autoencoder:
    """Loads the model of a run folder, ready to `encode`, `decode` and `sample`.

    Its weights are frozen. To train it further, call ``model.train().requires_grad_(True)``.

    Args:
        run: run folder, as `train.py` prints it at the end.
        checkpoint: `best`, `last`, or one along training, for example `epoch_0005`.
        trust: accept a config that names classes outside jlml, torch and lightning.
    """
    return Run.open(run).load_model(checkpoint, trust)
