"""Composes, checks and instantiates configs, without importing torch, so that `--help` is fast."""

from jlml.config.check import check, check_evaluation, check_job
from jlml.config.compose import CONF, Config, compose, plain, with_choices
from jlml.config.identity import compared, decisive, differences, experiment_of, in_words
from jlml.config.instantiate import check_options, locate, make, nodes_with_targets
from jlml.config.keys import flat, known_keys, shown, value_at
from jlml.config.messages import MOVED_KEYS, USER_ERRORS, sentence, sentence_for
from jlml.config.overrides import command_line, key_of, override

__all__ = [
    "CONF",
    "MOVED_KEYS",
    "USER_ERRORS",
    "Config",
    "check",
    "check_evaluation",
    "check_job",
    "check_options",
    "command_line",
    "compared",
    "compose",
    "decisive",
    "differences",
    "experiment_of",
    "flat",
    "in_words",
    "key_of",
    "known_keys",
    "locate",
    "make",
    "nodes_with_targets",
    "override",
    "plain",
    "sentence",
    "sentence_for",
    "shown",
    "value_at",
    "with_choices",
]
