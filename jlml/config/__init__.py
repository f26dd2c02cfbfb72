"""Composes, checks and instantiates configs, without importing torch, so that `--help` is fast."""

from jlml.config.check import check, check_evaluation, check_job
from jlml.config.compose import Config, compose, composed, part_names, plain, register_project, with_choices
from jlml.config.identity import compared, decisive, differences, experiment_of, in_words
from jlml.config.instantiate import check_options, locate, make, nodes_with_targets, options_of
from jlml.config.keys import CONF, flat, known_keys, meant_by, shown, value_at
from jlml.config.messages import MOVED_KEYS, USER_ERRORS, sentence, sentence_for
from jlml.config.overrides import check_overrides, command_line, key_of, override

__all__ = [
    "CONF",
    "MOVED_KEYS",
    "USER_ERRORS",
    "Config",
    "check",
    "check_evaluation",
    "check_job",
    "check_options",
    "check_overrides",
    "command_line",
    "compared",
    "compose",
    "composed",
    "decisive",
    "differences",
    "experiment_of",
    "flat",
    "in_words",
    "key_of",
    "known_keys",
    "locate",
    "make",
    "meant_by",
    "nodes_with_targets",
    "options_of",
    "override",
    "part_names",
    "plain",
    "register_project",
    "sentence",
    "sentence_for",
    "shown",
    "value_at",
    "with_choices",
]
