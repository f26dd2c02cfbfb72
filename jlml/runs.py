"""A run folder: it explains itself, and everything but `train.py` needs nothing else.

<run>/config.yaml            resolved and plain; with the image shape, enough to rebuild the model
<run>/checkpoints/best.ckpt  by validation loss; last.ckpt beside it
<run>/metrics.json           status, final metrics, versions
<run>/snapshots/             validation codes during training
<run>/train.log              what was logged
<run>/events.out.tfevents.*  TensorBoard
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

import jlml
from jlml.checkpoints import read_checkpoint
from jlml.config import Config, check, check_options, check_targets, differences, recorded
from jlml.errors import UserError, did_you_mean, reason_of
from jlml.files import locked, read_json, refuse_links_out, remove_leftovers, write_whole
from jlml.heartbeat import beats_elsewhere
from jlml.models import Autoencoder, build_model

UNNAMED = ("latent.dim", "data.name", "data.root", "draw_every", "output_dir", "threads")  # or named anyway
LONGEST_NAME = 120  # characters; a file system allows 255 bytes
MOST_SHOWN = 3  # differences between two configs in one sentence
STATES = ("not begun", "running", "cut off", "finished", "pruned", "interrupted", "failed")
# of a checkpoint, to load its model and to go on from it
OF_MODEL = ("state_dict", "config")
OF_TRAINING = (*OF_MODEL, "optimizer_states", "lr_schedulers", "loops", "callbacks", "global_step")


@dataclass(frozen=True)
class Run:
    """A run folder on disk."""

    path: Path

    @classmethod
    def create(cls, config: Config, parent: Path) -> "Run":
        """A new folder under ``parent``, named by date, time and the choices made.

        Two runs that start in the same second get two folders.
        """
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        name = f"{stamp}_{name_of(config)}"[:LONGEST_NAME]
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
        """The run in a folder, or the one that a checkpoint file lies in.

        Raises:
            UserError: there is no run.
        """
        path = Path(path)
        folder = path.parent.parent if path.suffix == ".ckpt" else path
        try:
            folder.stat()
            if (folder / "config.yaml").is_file():
                return cls(folder)
            lacking, beside = "it has no config.yaml", []
        except (FileNotFoundError, NotADirectoryError):
            lacking, beside = "there is no such folder", sorted(folder.parent.glob("*/config.yaml"))
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
        hint = did_you_mean(str(folder), [str(file.parent) for file in beside])
        raise UserError(
            f"{path} is not a run folder: {lacking}.{hint} Name a folder that train.py made, or a checkpoint "
            "in one."
        )

    @classmethod
    def at(cls, path: Path) -> "Run":
        """The run in this very folder, which is made if it is not there."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"No run folder can be made at {path}: {error.strerror}.") from error
        return cls(path)

    def remove_if_empty(self, made: Sequence[Path] = ()) -> None:
        """Leaves no folder behind in which nothing was written, nor those that were made to hold it."""
        with suppress(OSError):  # something is there
            for folder in (self.path, *made):
                folder.rmdir()

    def record_config(self, config: Config) -> None:
        """Writes `config.yaml`."""
        write_whole(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

    def config(self, trust: bool = False) -> Config:
        """The config of the run, checked: it may come from a stranger.

        Args:
            trust: accept classes outside jlml, torch and lightning.
        """
        file = self.path / "config.yaml"
        with self._newer_blamed():
            config = recorded(file)
            try:
                check(config)
            except UserError as error:
                raise UserError(f"{file}: {error}") from error
            if not trust:
                check_targets(config)
            for group in ("data", "model", "loss", "optimizer", "scheduler"):
                check_options(config.get(group) or {}, group)
        return config

    @contextmanager
    def _newer_blamed(self) -> Iterator[None]:
        """What this jlml does not understand in a run of a newer one is not the user's mistake."""
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

    def last_checkpoint_of(self, model: Autoencoder) -> Path | None:
        """The checkpoint that a run of this model can go on from, or None where it starts anew.

        Raises:
            UserError: the run in this folder is of another config, or one of its checkpoints is damaged.
        """
        if not (self.path / "config.yaml").is_file():
            return None
        there, config = self.config(trust=True), model.config
        differing = differences(there, config)
        if config["trainer"]["max_epochs"] > there["trainer"]["max_epochs"]:
            differing.pop("trainer.max_epochs", None)  # a run may be extended
        if differing:
            raise UserError(
                f"{self.path} holds a run of another config: {some_of(differing)}. Choose another folder."
            )
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return None
        states = self.read(last, model, OF_TRAINING)["callbacks"].values()
        best = last.with_name("best.ckpt")
        # it is needed at the end, should no epoch be better
        if best.exists():
            self.read(best, model)
        elif any(isinstance(state, dict) and state.get("best_model_score") is not None for state in states):
            raise UserError(f"{best} is missing, and {last.name} counts on it. Put both in their place.")
        return last

    def checkpoint(self, which: str = "best") -> Path:
        """The file of the `best` or the `last` checkpoint."""
        path = self.path / "checkpoints" / f"{which}.ckpt"
        if not path.is_file():
            hint = did_you_mean(which, [file.stem for file in path.parent.glob("*.ckpt")])
            raise UserError(f"{self.path} has no checkpoint {which!r}: {path} is missing.{hint}")
        return path

    def last_good(self) -> str:
        """In a sentence, which checkpoint of a run that has come to grief can still be used."""
        last = self.path / "checkpoints" / "last.ckpt"
        if not last.is_file():
            return "No checkpoint had been written yet."
        return f"The last good checkpoint, of step {step_of(last)}, is {last}."

    def load_model(self, which: str = "best", trust: bool = False) -> Autoencoder:
        """The trained model, on the CPU, in evaluation mode, its weights fixed."""
        config = self.config(trust)
        content = self.fitting(config, which, trust)
        model = self._build(config)
        model.load_state_dict(content["state_dict"])
        return model.eval().requires_grad_(False)

    def fitting(self, config: Config, which: str, trust: bool = False) -> dict[str, Any]:
        """What a checkpoint holds, once compared with the model of a config.

        A stranger's config could ask for a model that fills the memory: it is compared without numbers.
        """
        with torch.device("cpu" if trust else "meta"):
            return self.read(self.checkpoint(which), self._build(config))

    def read(self, path: Path, model: Autoencoder, needed: Sequence[str] = OF_MODEL) -> dict[str, Any]:
        """What a checkpoint holds that is of this run and fits this model.

        Raises:
            UserError: it is damaged, of another run, or lacks something that is needed.
        """
        content = read_checkpoint(path)
        with self._newer_blamed():
            flaw = next((f"it has no {key}" for key in needed if key not in content), None)
            flaw = flaw or other_config(content["config"], model.config)
            flaw = flaw or other_weights(content["state_dict"], model.state_dict(), path.stat().st_size)
            if flaw:
                raise UserError(f"{path} is not a checkpoint of this run: {flaw}.")
        return content

    def _build(self, config: Config) -> Autoencoder:
        channels, height, width = config["image_shape"]
        try:
            return build_model(config, (channels, height, width))
        except UserError:
            raise
        except Exception as error:  # an option that no rule is about can make a class raise anything
            raise UserError(f"{self.path / 'config.yaml'} makes no model: {reason_of(error)}.") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from training in this folder; the lock goes with its process.

        Raises:
            UserError: one is at it, or what is written in the folder would go elsewhere.
        """
        refuse_links_out(self.path)
        with locked(self.path / ".lock", wait=1) as free:  # whoever asks for its state holds it for a moment
            if not free:
                raise UserError(f"Another process is training in {self.path}. Wait for it, or end it.")
            remove_leftovers(self.path, self.path / "checkpoints", self.path / "snapshots")
            yield

    def state(self) -> str:
        """The status in metrics.json, or `cut off` where that says running and no one is at it.

        One of `STATES`, or `unknown` where it says something else.

        Who trains holds a lock. From another machine that may not be seen: there the heartbeat tells.
        """
        status = self.metrics().get("status", "not begun")
        if status != "running":
            return status if status in STATES else "unknown"
        lock = self.path / ".lock"
        with suppress(OSError):  # a read-only place: nobody trains there
            if lock.exists():
                with locked(lock) as free:
                    if not free:
                        return status
        return status if beats_elsewhere(self.path) else "cut off"

    def write_metrics(self, content: Mapping[str, Any]) -> None:
        """Writes `metrics.json`."""
        write_whole(self.path / "metrics.json", json.dumps(content, indent=2) + "\n")

    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds; empty before there is one, and if it is damaged."""
        return read_json(self.path / "metrics.json")


def step_of(checkpoint: Path) -> int:
    """How many optimizer steps a checkpoint has seen.

    Raises:
        UserError: it cannot be read.
    """
    step = read_checkpoint(checkpoint).get("global_step")
    if not isinstance(step, int):
        raise UserError(f"{checkpoint} is not a checkpoint of jlml: it has no global_step.")
    return step


def other_config(theirs: Any, ours: Config) -> str | None:
    """What in a checkpoint's config is not that of the run, but for the epochs: a run may be extended."""
    if not isinstance(theirs, dict) or not (dict_in(theirs, "data") and dict_in(theirs, "trainer")):
        return "it has no config"
    differing = differences(theirs, ours)
    differing.pop("trainer.max_epochs", None)
    return f"there {some_of(differing)}" if differing else None


def other_weights(theirs: Any, ours: Mapping[str, Tensor], size: int) -> str | None:
    """The first weight that does not fit, or that all together are larger than a file of this size.

    They could be: a stranger's file may hold one number and say that it is a million times there.
    """
    if not isinstance(theirs, dict):
        return "it has no weights"
    for name in (*ours, *theirs):
        if name not in theirs or name not in ours:
            return f"it {'lacks' if name in ours else 'has'} {name}"
        shapes = [tuple(getattr(weights[name], "shape", ())) for weights in (theirs, ours)]
        if shapes[0] != shapes[1]:
            return f"{name} is of shape {shapes[0]} and not {shapes[1]}"
    needed = sum(weight.numel() * weight.element_size() for weight in ours.values())
    return f"its weights have {needed:,} bytes, more than the file" if needed > size else None


def missing_folders(path: Path) -> list[Path]:
    """The folder and those above it that are not there, from within."""
    return [folder for folder in (path, *path.parents) if not os.path.exists(folder)]  # which raises nothing


def some_of(differing: Mapping[str, str]) -> str:
    """The first differences, and how many more there are."""
    rest = len(differing) - MOST_SHOWN
    return "; ".join(list(differing.values())[:MOST_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")


def dict_in(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The dict under a key; empty where there is none."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def numbers_in(version: Any) -> tuple[int, ...]:
    """The numbers of a version, which compare as versions do; none where it is none."""
    parts = re.match(r"\d{1,9}(\.\d{1,9})*", version) if isinstance(version, str) else None
    return tuple(map(int, parts[0].split("."))) if parts else ()


def load(run: str | Path, checkpoint: str = "best", trust: bool = False) -> Autoencoder:
    """The model of a run folder, ready to `encode`, `decode` and `sample`.

    Args:
        run: the folder, as `train.py` names it at the end.
        checkpoint: `best` or `last`.
        trust: accept a config that names classes outside jlml, torch and lightning.
    """
    return Run.open(run).load_model(checkpoint, trust)


def name_of(config: Config) -> str:
    """The choices of a run in a word: model, loss, latent dim, data, and whatever else was changed."""
    choices = config["choices"]
    words = [choices["model"], choices["loss"], f"d{config['latent']['dim']}", config["data"]["name"]]
    words += [choices["experiment"]] if "experiment" in choices else []
    for change in config["changes"]:
        key, _, value = change.lstrip("+~").partition("=")
        if key not in UNNAMED and not key.startswith("checkpoints."):
            words.append(f"{key.split('.')[-1]}-{value.strip('[]')}")
    # no = and no comma: the folder's name is a value on the command line of evaluate.py
    return re.sub(r"[^\w.+-]+", "-", "_".join(words)).rstrip("-")
