"""The identity of a run: the keys of its config that affect its results."""

from collections.abc import Mapping
from typing import Any

from jlml.config.compose import Config
from jlml.config.keys import flat, shown

# Keys that do not affect the results, except for rounding: paths, names, logging and pictures, and options
# that change only the order of floating-point sums.
NOT_DECISIVE = (
    *("output_dir", "choices", "changes", "callbacks", "logger", "draw_every"),
    *("name", "tags", "note", "keep_checkpoints_every", "threads", "checkpoints", "sweep", "resume", "trust"),
)
NOT_DECISIVE_IN = {
    "data": ("root", "path", "fallback", "eval_batch_size"),
    "trainer": (
        *("accelerator", "devices", "deterministic", "detect_anomaly"),
        *("log_every_n_steps", "num_sanity_val_steps", "enable_model_summary"),
    ),
    "speed": ("loop", "flush_denormals", "cuda_graphs", "onednn"),
}
MOST_SHOWN = 3  # differences in a message


def decisive(config: Config) -> Config:
    """The config without the keys that do not affect the results of its run, and without those that are null.

    A new key whose default is null leaves old runs comparable.
    """
    kept = {key: value for key, value in config.items() if key not in NOT_DECISIVE}
    for group, keys in NOT_DECISIVE_IN.items():
        kept[group] = {key: value for key, value in kept.get(group, {}).items() if key not in keys}
    return without_null(kept)


def without_null(node: Any) -> Any:
    """A config without the keys that are null."""
    if not isinstance(node, dict):
        return node
    return {key: without_null(value) for key, value in node.items() if value is not None}


def experiment_of(config: Config) -> Config:
    """The decisive keys without the seeds. Runs that agree in them are repetitions of one experiment."""
    kept = {key: value for key, value in decisive(config).items() if key != "seed"}
    kept["data"] = {key: value for key, value in kept["data"].items() if key != "seed"}
    return kept


def differences(old: Config, new: Config) -> dict[str, str]:
    """The decisive keys in which two configs differ, each with a text ``key was this and is that``."""
    return compared(decisive(old), decisive(new))


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """All keys in which two configs differ, each with a text ``key was this and is that``.

    A key that is null equals one that is not set.
    """
    there, here = dict(flat(old)), dict(flat(new))
    return {
        key: f"{key} was {shown(there.get(key, 'not set'))} and is {shown(here.get(key, 'not set'))}"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    }


def in_words(differing: Mapping[str, str]) -> str:
    """The first differences and the number of further ones, for a message."""
    rest = len(differing) - MOST_SHOWN
    return "; ".join(list(differing.values())[:MOST_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
