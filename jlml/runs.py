"""A run folder: it explains itself, and everything but `train.py` needs nothing else.

<run>/config.yaml            resolved and plain; with the image shape, enough to rebuild the model
<run>/checkpoints/best.ckpt  by validation loss; last.ckpt beside it
<run>/metrics.json           status, final metrics, versions
<run>/snapshots/             validation codes during training
<run>/train.log              what was logged
<run>/events.out.tfevents.*  TensorBoard
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from jlml.config import Config, check, check_targets, differences
from jlml.errors import UserError, gist
from jlml.files import locked, read_json, remove_leftovers, write_whole
from jlml.heartbeat import beats_elsewhere
from jlml.models import Autoencoder, build_model

UNNAMED = ("latent.dim", "data.name", "data.root", "draw_every", "output_dir", "threads")  # or named anyway
LONGEST_NAME = 120  # characters; a file system allows 255 bytes


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
        if not (folder / "config.yaml").is_file():
            raise UserError(
                f"run={path} is not a run folder: it has no config.yaml. Name a folder that train.py made, "
                "or a checkpoint in one."
            )
        return cls(folder)

    @classmethod
    def at(cls, path: Path) -> "Run":
        """The run in this very folder, which is made if it is not there."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"No run folder can be made at {path}: {error.strerror}.") from error
        return cls(path)

    def remove_if_empty(self) -> None:
        """Leaves no folder behind in which nothing was written."""
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def record_config(self, config: Config) -> None:
        """Writes `config.yaml`."""
        write_whole(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

    def config(self, trust: bool = False) -> Config:
        """The config of the run, checked: it may come from a stranger.

        Args:
            trust: accept classes outside jlml, torch and lightning.
        """
        file = self.path / "config.yaml"
        try:
            loaded = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        except Exception as error:
            raise UserError(f"{file} cannot be read: {gist(error)}.") from error
        shape = loaded.get("image_shape") if isinstance(loaded, dict) else None
        if not isinstance(loaded, dict) or not is_shape(shape):
            raise UserError(f"{file} is not the config of a run: it has no image_shape of three numbers.")
        # it was resolved when it was written: an interpolation would run a resolver of a stranger's choice
        if "${" in file.read_text(encoding="utf-8"):
            raise UserError(f"{file} has an interpolation (${{...}}), which no run writes. It is not loaded.")
        config = {str(key): value for key, value in loaded.items()}
        if not isinstance(config.get("choices"), dict) or not is_words(config.get("changes")):
            raise UserError(f"{file} is not the config of a run: it has no choices and changes.")
        check(config)
        if not trust:
            check_targets(config)
        return config

    def last_checkpoint_of(self, config: Config) -> Path | None:
        """The checkpoint that a run of this config can go on from, or None where it starts anew.

        Raises:
            UserError: the run in this folder is of another config.
        """
        if not (self.path / "config.yaml").is_file():
            return None
        there = self.config(trust=True)
        differing = differences(there, config)
        if config["trainer"]["max_epochs"] > there["trainer"]["max_epochs"]:
            del differing["trainer.max_epochs"]  # a run may be extended
        if differing:
            raise UserError(
                f"{self.path} holds a run of another config: {'; '.join(differing.values())}. Choose another "
                "folder."
            )
        last = self.path / "checkpoints" / "last.ckpt"
        return last if last.is_file() else None

    def checkpoint(self, which: str = "best") -> Path:
        """The file of the `best` or the `last` checkpoint."""
        path = self.path / "checkpoints" / f"{which}.ckpt"
        if not path.is_file():
            raise UserError(f"{self.path} has no checkpoint {which!r}: {path} is missing.")
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
        channels, height, width = config["image_shape"]
        model = build_model(config, (channels, height, width))
        path = self.checkpoint(which)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            model.load_state_dict(state)
        except Exception as error:  # a damaged file can make the unpickler raise anything
            raise UserError(f"{path} is not a checkpoint of this run: {gist(error)}.") from error
        return model.eval().requires_grad_(False)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from training in this folder; the lock goes with its process.

        Raises:
            UserError: one is at it.
        """
        with locked(self.path / ".lock") as free:
            if not free:
                raise UserError(f"Another process is training in {self.path}. Wait for it, or end it.")
            remove_leftovers(self.path, self.path / "checkpoints", self.path / "snapshots")
            yield

    def state(self) -> str:
        """The status in metrics.json, or `cut off` where that says running and no one is at it.

        Who trains holds a lock. From another machine that may not be seen: there the heartbeat tells.
        """
        status = str(self.metrics().get("status", "not begun"))
        if status != "running":
            return status
        lock = self.path / ".lock"
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
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["global_step"])
    except Exception as error:  # a damaged file can make the unpickler raise anything
        raise UserError(f"{checkpoint} cannot be read: {gist(error)}. Delete it to start anew.") from error


def is_words(value: Any) -> bool:
    """Whether this is a list of strings."""
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def is_shape(value: Any) -> bool:
    """Whether this is (channels, height, width)."""
    return isinstance(value, list) and len(value) == 3 and all(isinstance(n, int) and n > 0 for n in value)


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
