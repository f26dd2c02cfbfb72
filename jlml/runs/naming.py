"""The name of a run folder: date, time and the choices of the run."""

import re
from datetime import datetime

from jlml.config import Config, key_of

# keys that the name leaves out, because it has them already or they do not matter
UNNAMED = ("latent.dim", "data.name", "data.root", "draw_every", "output_dir", "threads")
LONGEST_NAME = 120  # characters; a file system allows 255 bytes


def folder_name(config: Config) -> str:
    """Date, time and choices of a run, cut to a length that every file system allows."""
    return f"{datetime.now().strftime('%Y-%m-%d_%H-%M-%S')}_{name_of(config)}"[:LONGEST_NAME]


def name_of(config: Config) -> str:
    """The choices of a run: model, loss, latent dim, data, and all other changed keys."""
    choices = config["choices"]
    parts = [choices["model"], choices["loss"], f"d{config['latent']['dim']}", config["data"]["name"]]
    parts += [choices["experiment"]] if "experiment" in choices else []
    for change in config["changes"]:
        key, value = key_of(change), change.partition("=")[2]
        if key not in UNNAMED and not key.startswith("checkpoints."):
            parts.append(f"{key.split('.')[-1]}-{value.strip('[]')}")
    # without = and comma, because users pass the name to evaluate.py as the value of an override
    return re.sub(r"[^\w.+-]+", "-", "_".join(parts)).rstrip("-")
