"""The first line of a command: what it is about to do. Importing torch, which takes seconds, comes later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jlml.config import part_names
from jlml.distributed.rank import is_first_process
from jlml.errors import printable
from jlml.training.words import counted


def announce(line: str) -> None:
    """Prints a line once, however many processes the run has."""
    if is_first_process():
        print(printable(line), flush=True)


def training_in_words(config: Mapping[str, Any], verb: str = "Training") -> str:
    """What a config trains: ``Training vae, loss cont_bern, 2 latent dims, data mnist, 1 epoch, seed 0``."""
    names, dims = part_names(config), config["latent"]["dim"]
    parts = [
        f"{verb} {names['model']}",
        f"loss {names['loss']}",
        counted(dims, "latent dim"),
        f"data {data_in_words(config['data'], config['choices']['data'])}",
        counted(config["trainer"]["max_epochs"], "epoch"),
        f"seed {config['seed']}",
    ]
    return ", ".join(parts)


def data_in_words(data: Mapping[str, Any], choice: str) -> str:
    """The name of the data, before they are read: as given, or of their set, file, folder or choice."""
    place = data.get("path") or data.get("root") or choice
    return str(data["name"] or data.get("dataset") or Path(str(place)).name)


def evaluation_in_words(config: Mapping[str, Any], run: Path | None) -> str:
    """What a config evaluates or exports: one run, or several."""
    if run is not None:
        given = Path(str(config["run"]))
        which = given.stem if given.suffix == ".ckpt" else config["checkpoint"]
        verb = "Exporting" if config["export"] else "Evaluating"
        return f"{verb} {run}, {which} checkpoint"
    several = config["runs"] if config["sweep"] is None else config["sweep"]
    names = ", ".join(map(str, several)) if isinstance(several, list) else several
    return f"Comparing the runs of {names}"
