"""A run folder: it explains itself, and everything but `train.py` needs nothing else.

<run>/config.yaml            resolved and plain; with the image shape, enough to rebuild the model
<run>/checkpoints/best.ckpt  by validation loss; last.ckpt beside it
<run>/metrics.json           status, final metrics, versions
<run>/progress.json          how far training has come, and when it last reported
<run>/snapshots/             validation codes during training
<run>/train.log              log messages
<run>/events.out.tfevents.*  TensorBoard
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
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
from jlml.runs.heartbeat import beats_elsewhere
from jlml.runs.matching import config_mismatch, dict_in, weights_mismatch
from jlml.runs.naming import folder_name
from jlml.runs.trust import check_targets
from jlml.runs.upgrade import upgrade_config

STATES = ("not begun", "running", "cut off", "finished", "pruned", "interrupted", "failed")
# what a checkpoint must have, to load its model and to resume from it
FOR_MODEL = ("state_dict", "config")
FOR_TRAINING = (*FOR_MODEL, "optimizer_states", "lr_schedulers", "loops", "callbacks", "global_step")


@dataclass(frozen=True)
class Run:
    """A run folder on disk."""

    path: Path

    @classmethod
    def create(cls, config: Config, parent: Path) -> "Run":
        """A new folder under ``parent``, named by date, time and the choices made.

        Two runs that start in the same second get two folders.
        """
        name = folder_name(config)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            for attempt in count(1):
                path = parent / (name if attempt == 1 else f"{name}_{attempt}")
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                return cls(path)
        except OSError as error:
            raise UserError(f"No run folder can be made in output_dir={parent}: {error.strerror}.") from error
        raise AssertionError("count() does not end")

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """The run in a folder, or the one to which a checkpoint file belongs.

        Raises:
            UserError: there is no run.
        """
        path = Path(path)
        folder = path.parent.parent if path.suffix == ".ckpt" else path
        try:
            folder.stat()
            if (folder / "config.yaml").is_file():
                return cls(folder)
            reason, similar = "it has no config.yaml", []
        except (FileNotFoundError, NotADirectoryError):
            reason, similar = "there is no such folder", sorted(folder.parent.glob("*/config.yaml"))
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
        hint = did_you_mean(str(folder), [str(file.parent) for file in similar])
        raise UserError(
            f"{path} is not a run folder: {reason}.{hint} Name a folder that train.py made, or a checkpoint "
            "in one."
        )

    @classmethod
    def at(cls, path: Path) -> "Run":
        """The run in this very folder, which is made if it does not exist."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"No run folder can be made at {path}: {error.strerror}.") from error
        return cls(path)

    def remove_if_empty(self, made: Sequence[Path] = ()) -> None:
        """Removes the folder if nothing was written to it, and those that were made to hold it."""
        with suppress(OSError):  # not empty
            for folder in (self.path, *made):
                folder.rmdir()

    def record_config(self, config: Config) -> None:
        """Writes `config.yaml`."""
        write_atomically(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

    def config(self, trust: bool = False) -> Config:
        """The config of the run, checked, because it may come from anyone.

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
        """What this jlml does not understand in a run of a newer version is not the user's mistake."""
        try:
            yield
        except UserError as error:
            theirs = dict_in(self.metrics(), "versions").get("jlml")
            if numbers_in(theirs) > numbers_in(jlml.__version__):
                raise UserError(
                    f"{self.path} was made by jlml {theirs}, and this is {jlml.__version__}, which does not "
                    f"understand it. {error} Use jlml {theirs} or newer."
                ) from error
            raise

    def refuse_another(self, config: Config, choose: str = "another folder") -> None:
        """Refuses a config that is not that of the run in this folder, if there is one.

        More epochs are no other run: it may be extended.

        Args:
            config: plain, with the image shape and the name of the data that were read.
            choose: what the user can do.

        Raises:
            UserError: naming the differences.
        """
        if not (self.path / "config.yaml").is_file():
            return
        there = self.config(trust=True)
        differing = differences(there, config)
        if config["trainer"]["max_epochs"] > there["trainer"]["max_epochs"]:
            differing.pop("trainer.max_epochs", None)
        if differing:
            raise UserError(
                f"{self.path} holds a run of another config: {in_words(differing)}. Choose {choose}."
            )

    def checkpoint_to_resume(self, model: Autoencoder, config: Config) -> Path | None:
        """The checkpoint from which this model can resume; None if the run starts from the beginning.

        Raises:
            UserError: the folder holds a run of another config, or one of its checkpoints is damaged.
        """
        self.refuse_another(config)
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return None
        states = self.read(last, model, config, FOR_TRAINING)["callbacks"].values()
        best = last.with_name("best.ckpt")
        # it is needed at the end, if no later epoch is better
        if best.exists():
            self.read(best, model, config)
        elif any(isinstance(state, dict) and state.get("best_model_score") is not None for state in states):
            raise UserError(f"{best} is missing, and {last.name} needs it. Put both in their place.")
        return last

    def checkpoint(self, which: str = "best") -> Path:
        """The file of the `best` or the `last` checkpoint."""
        path = self.path / "checkpoints" / f"{which}.ckpt"
        if not path.is_file():
            hint = did_you_mean(which, [file.stem for file in path.parent.glob("*.ckpt")])
            raise UserError(f"{self.path} has no checkpoint {which!r}: {path} is missing.{hint}")
        return path

    def last_good(self) -> str:
        """In a sentence, which checkpoint of a failed run can still be used."""
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return "No checkpoint had been written yet."
        return f"The last good checkpoint, of step {step_of(last)}, is {last}."

    def load_model(self, which: str = "best", trust: bool = False) -> Autoencoder:
        """The trained model, on the CPU, in eval mode, without gradients."""
        config = self.config(trust)
        content = self.matching_checkpoint(config, which, trust)
        model = self._build(config)
        model.load_state_dict(content["state_dict"])
        return model.eval().requires_grad_(False)

    def matching_checkpoint(self, config: Config, which: str, trust: bool = False) -> dict[str, Any]:
        """The content of a checkpoint that fits the model of a config.

        They are compared on a model without memory: an untrusted config could describe one that fills it.
        """
        with torch.device("cpu" if trust else "meta"):
            return self.read(self.checkpoint(which), self._build(config), config)

    def read(
        self, path: Path, model: Autoencoder, config: Config, needed: Sequence[str] = FOR_MODEL
    ) -> dict[str, Any]:
        """The content of a checkpoint that belongs to this run and fits this model.

        Raises:
            UserError: it is damaged, belongs to another run, or lacks something that is needed.
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
        except Exception as error:  # an option that no rule covers can make a class raise anything
            raise UserError(
                f"No model can be built from {self.path / 'config.yaml'}: {reason_of(error)}."
            ) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from training in this folder. The lock ends with its process.

        Raises:
            UserError: another process trains here, or a link would redirect what is written.
        """
        refuse_links_out(self.path)
        with locked(self.path / ".lock", wait=1) as free:  # reading the state holds it for a moment
            if not free:
                raise UserError(f"Another process is training in {self.path}. Wait for it, or end it.")
            remove_leftovers(self.path, self.path / "checkpoints", self.path / "snapshots")
            yield

    def state(self) -> str:
        """One of `STATES`: the status in metrics.json, or `cut off` if it is running but nobody trains.

        `unknown` if the file has another status. A process that trains holds a lock. On another machine the
        lock may be invisible; there the heartbeat counts.
        """
        status = self.metrics().get("status", "not begun")
        if status != "running":
            return status if status in STATES else "unknown"
        lock = self.path / ".lock"
        with suppress(OSError):  # in a read-only folder nobody trains
            if lock.exists():
                with locked(lock) as free:
                    if not free:
                        return status
        return status if beats_elsewhere(self.path) else "cut off"

    def write_metrics(self, content: Mapping[str, Any]) -> None:
        """Writes `metrics.json`."""
        write_atomically(self.path / "metrics.json", json.dumps(content, indent=2) + "\n")

    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`; empty if there is none or it is damaged."""
        return read_json(self.path / "metrics.json")


def step_of(checkpoint: Path) -> int:
    """The number of optimizer steps that a checkpoint has seen.

    Raises:
        UserError: it cannot be read.
    """
    step = read_checkpoint(checkpoint).get("global_step")
    if not isinstance(step, int):
        raise UserError(f"{checkpoint} is not a checkpoint of jlml: it has no global_step.")
    return step


def missing_folders(path: Path) -> list[Path]:
    """Those of a folder and its parents that do not exist, the innermost first."""
    return [folder for folder in (path, *path.parents) if not os.path.exists(folder)]  # it raises nothing


def numbers_in(version: Any) -> tuple[int, ...]:
    """The numbers of a version, which compare as versions do; none if it is not a version."""
    parts = re.match(r"\d{1,9}(\.\d{1,9})*", version) if isinstance(version, str) else None
    return tuple(map(int, parts[0].split("."))) if parts else ()


def load(run: str | Path, checkpoint: str = "best", trust: bool = False) -> Autoencoder:
    """The model of a run folder, ready to `encode`, `decode` and `sample`.

    Args:
        run: the folder, as `train.py` prints it at the end.
        checkpoint: `best` or `last`.
        trust: accept a config that names classes outside jlml, torch and lightning.
    """
    return Run.open(run).load_model(checkpoint, trust)
