"""The name of a run folder: what was chosen, then date and time."""

import re
from collections.abc import Iterator
from datetime import datetime

from jlml.config import Config, key_of

# keys that the name leaves out, because it has them already or they do not matter
UNNAMED = (
    *("latent.dim", "seed", "data.name", "data.root", "data.path", "output_dir", "threads"),
    *("draw_every", "keep_checkpoints_every", "name", "tags", "note", "logger"),
)
SHORT = {"cont_bern": "cb"}  # losses
DEFAULTS = {"optimizer": "adam", "scheduler": "none"}  # groups that are named if another choice is made
LONGEST_NAME = 100  # characters; a file system allows 255 bytes


def folder_name(config: Config) -> str:
    """Choices, date and time of a run, for example ``vae-cb-d2-s0_lr-0.01_2026-11-26_17-30-12``.

    The choices come first, because TensorBoard shows only the first 14 characters in some places.
    """
    time = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return f"{name_of(config, LONGEST_NAME - len(time) - 1)}_{time}"


def name_of(config: Config, longest: int) -> str:
    """The choices of a run as short tokens.

    Tokens that would make it too long are left out. None is cut, so that no value is taken for another.
    """
    name = ""
    for separator, token in tokens_of(config):
        # without = and comma, because users pass the name to evaluate.py as the value of an override
        plain = re.sub(r"[^\w.+-]+", "-", token).strip("-")
        if plain and len(name) + len(separator) + len(plain) <= longest:
            name += f"{separator}{plain}" if name else plain
    return name or "run"


def tokens_of(config: Config) -> Iterator[tuple[str, str]]:
    """The tokens of a name, each with the separator before it."""
    choices, data = config["choices"], config["data"]["name"]
    if config.get("name"):
        yield "", config["name"]
    yield "_", choices["model"]
    yield "-", SHORT.get(choices["loss"], choices["loss"])
    yield "-", f"d{config['latent']['dim']}"
    if data != "mnist" or choices.get("data", data) != "mnist":  # a folder can be called mnist
        yield "-", data
    yield "-", f"s{config['seed']}"
    if "experiment" in choices:
        yield "_", choices["experiment"]
    for group, default in DEFAULTS.items():
        if choices.get(group, default) != default:
            yield "_", choices[group]
    for change in config["changes"]:
        key, value = key_of(change), change.partition("=")[2].strip("[]'\"")
        if key not in UNNAMED and not key.startswith(("checkpoints.", "logger.")):
            last = key.split(".")[-1].strip("_").removeprefix("max_")
            name = f"{key if last == 'seed' else last}-{value}"
            yield "_", value.rpartition(".")[2] if last == "target" else name  # the class alone
