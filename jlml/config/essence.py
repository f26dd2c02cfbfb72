"""What of a config decides the numbers of its run, and what makes it another experiment."""

from collections.abc import Iterator, Mapping
from typing import Any

from jlml.config.composed import Config
from jlml.config.rules import shown

# what two runs with the same numbers may differ in: the place, the words, and what is only watched
BESIDES = (
    *("output_dir", "choices", "changes", "callbacks", "logger", "draw_every"),
    *("threads", "checkpoints", "sweep", "resume", "trust"),
)
BESIDES_OF_DATA = ("root", "fallback", "eval_batch_size")
BESIDES_OF_TRAINER = (
    *("accelerator", "devices", "onednn", "deterministic", "detect_anomaly"),
    *("log_every_n_steps", "num_sanity_val_steps", "enable_model_summary"),
)


def decisive(config: Config) -> Config:
    """The config without what changes no number of its run."""
    kept = {key: value for key, value in config.items() if key not in BESIDES}
    for group, besides in (("data", BESIDES_OF_DATA), ("trainer", BESIDES_OF_TRAINER)):
        kept[group] = {key: value for key, value in config[group].items() if key not in besides}
    return kept


def essence(config: Config) -> Config:
    """The config without what makes no other experiment of it: the seed is but another draw."""
    kept = {key: value for key, value in decisive(config).items() if key != "seed"}
    kept["data"] = {key: value for key, value in kept["data"].items() if key != "seed"}
    return kept


def differences(old: Config, new: Config) -> dict[str, str]:
    """What tells two configs apart that train differently, by key: ``key was this and is that``."""
    return compared(decisive(old), decisive(new))


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Every key that differs, with a text that says how."""
    there, here = dict(flat(old)), dict(flat(new))
    return {
        key: f"{key} was {shown(there.get(key, 'not set'))} and is {shown(here.get(key, 'not set'))}"
        for key in sorted(there.keys() | here.keys())
        if there.get(key, ...) != here.get(key, ...)
    }


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys with their values."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
