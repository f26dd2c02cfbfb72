"""Run folders: config, checkpoints, state and lock, and safe loading of untrusted ones.

Its names are imported on first use: `jlml.runs.finding` is needed before torch is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlml.runs.build import build_data, build_model
    from jlml.runs.folder import Run, load, missing_folders, step_of
    from jlml.runs.trust import check_loggers, check_targets, resume_command, trust_needed

__all__ = [
    "Run",
    "build_data",
    "build_model",
    "check_loggers",
    "check_targets",
    "load",
    "missing_folders",
    "resume_command",
    "step_of",
    "trust_needed",
]

_MODULES = {
    "build": ("build_data", "build_model"),
    "folder": ("Run", "load", "missing_folders", "step_of"),
    "trust": ("check_loggers", "check_targets", "resume_command", "trust_needed"),
}


def __getattr__(name: str) -> Any:
    """Imports a name from the module that defines it."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"jlml.runs.{module}"), name)
    raise AttributeError(f"module 'jlml.runs' has no attribute {name!r}")
