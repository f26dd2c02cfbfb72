"""Run folders: config, checkpoints, state and lock, and safe loading of untrusted ones."""

from jlml.runs.build import build_data, build_model
from jlml.runs.folder import Run, load, missing_folders, step_of
from jlml.runs.trust import check_targets, trust_needed

__all__ = [
    "Run",
    "build_data",
    "build_model",
    "check_targets",
    "load",
    "missing_folders",
    "step_of",
    "trust_needed",
]
