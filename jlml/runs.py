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

from jlml.config import Config, check, check_targets, differences, recorded
from jlml.errors import UserError, gist, reason_of
from jlml.files import locked, read_json, refuse_links_out, write_whole
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
        config = recorded(self.path / "config.yaml")
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

    def load_model(self, which: str = "best", trust: bool = False) -> Autoencoder:
        """The trained model, on the CPU, in evaluation mode, its weights fixed."""
        config = self.config(trust)
        path = self.checkpoint(which)
        if not trust:
            self._refuse_a_larger_model(config, path)
        model = self._build(config)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            model.load_state_dict(state)
        except Exception as error:  # a damaged file can make the unpickler raise anything
            raise UserError(f"{path} is not a checkpoint of this run: {gist(error)}.") from error
        return model.eval().requires_grad_(False)

    def _build(self, config: Config) -> Autoencoder:
        channels, height, width = config["image_shape"]
        try:
            return build_model(config, (channels, height, width))
        except UserError:
            raise
        except Exception as error:  # an option that no rule is about can make a class raise anything
            raise UserError(f"{self.path / 'config.yaml'} makes no model: {reason_of(error)}.") from error

    def _refuse_a_larger_model(self, config: Config, checkpoint: Path) -> None:
        """Refuses a config whose model would fill the memory, while its checkpoint is a small file."""
        with torch.device("meta"):  # shapes alone, no numbers
            weights = self._build(config).state_dict().values()
        size = sum(weight.numel() * weight.element_size() for weight in weights)
        if size > checkpoint.stat().st_size:
            raise UserError(
                f"{checkpoint} is not a checkpoint of this run: its model has {size:,} bytes of weights, "
                "more than the file."
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from training in this folder; the lock goes with its process.

        Raises:
            UserError: one is at it, or what is written in the folder would go elsewhere.
        """
        refuse_links_out(self.path)
        with locked(self.path / ".lock") as free:
            if not free:
                raise UserError(f"Another process is training in {self.path}. Wait for it, or end it.")
            yield

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
