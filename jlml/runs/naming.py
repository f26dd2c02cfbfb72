"""The name of a run folder: date, time, and the choices that were made."""

import re
from datetime import datetime

from jlml.config import Config, key_of

UNNAMED = ("latent.dim", "data.name", "data.root", "draw_every", "output_dir", "threads")  # or named anyway
LONGEST_NAME = 120  # characters; a file system allows 255 bytes


def folder_name(config: Config) -> str:
    """Date, time and the choices of a run, cut to a length that every file system takes."""
    return f"{datetime.now().strftime('%Y-%m-%d_%H-%M-%S')}_{name_of(config)}"[:LONGEST_NAME]


def name_of(config: Config) -> str:
    """The choices of a run: model, loss, latent dim, data, and whatever else was changed."""
    choices = config["choices"]
    parts = [choices["model"], choices["loss"], f"d{config['latent']['dim']}", config["data"]["name"]]
    parts += [choices["experiment"]] if "experiment" in choices else []
    for change in config["changes"]:
        key, value = key_of(change), change.partition("=")[2]
        if key not in UNNAMED and not key.startswith("checkpoints."):
            parts.append(f"{key.split('.')[-1]}-{value.strip('[]')}")
    # no = and no comma: the folder's name is a value on the command line of evaluate.py
    return re.sub(r"[^\w.+-]+", "-", "_".join(parts)).rstrip("-")
