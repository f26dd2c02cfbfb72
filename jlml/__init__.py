"""jlml: an experiment framework for autoencoders.

``jlml.load("outputs/<run>")`` gives a trained model; ``train`` and ``evaluate`` take a config that
``compose`` makes of words, as `train.py` and `evaluate.py` do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlml.config import compose
    from jlml.evaluation.entry import evaluate
    from jlml.runs import load
    from jlml.training import train

__version__ = "0.1.0"
__all__ = ["compose", "evaluate", "load", "train"]

_HOMES = {
    "compose": "jlml.config",
    "evaluate": "jlml.evaluation.entry",
    "load": "jlml.runs",
    "train": "jlml.training",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: `--help` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'jlml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
