"""Composes a config, checks it, and builds what it describes. Imports no torch: `--help` must not wait."""

from jlml.config.composed import CONF, Config, compose, plain, with_choices
from jlml.config.keys import check_keys, known_keys
from jlml.config.objects import check_targets, make
from jlml.config.rules import check_values, shown

__all__ = [
    "CONF",
    "Config",
    "check_keys",
    "check_targets",
    "check_values",
    "compose",
    "known_keys",
    "make",
    "plain",
    "shown",
    "with_choices",
]
