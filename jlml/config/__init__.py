"""Composes a config, checks it, and builds what it describes. Imports no torch: `--help` must not wait."""

from jlml.config.composed import CONF, Config, compose, plain, with_choices
from jlml.config.essence import differences, essence, flat
from jlml.config.keys import homes_of, keys_of_evaluation, known_keys
from jlml.config.objects import check_options, check_targets, make, trust_needed
from jlml.config.recorded import is_words, recorded
from jlml.config.rules import check, check_evaluation, check_job, shown
from jlml.config.words import command, word

__all__ = [
    "CONF",
    "Config",
    "check",
    "check_evaluation",
    "check_job",
    "check_options",
    "check_targets",
    "command",
    "compose",
    "differences",
    "essence",
    "flat",
    "homes_of",
    "is_words",
    "keys_of_evaluation",
    "known_keys",
    "make",
    "plain",
    "recorded",
    "shown",
    "trust_needed",
    "with_choices",
    "word",
]
