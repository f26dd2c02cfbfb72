"""jlml: an experiment framework for autoencoders.

``jlml.train("model=vae", "loss=bce")`` does the same as ``python train.py model=vae loss=bce``.
``jlml.load("outputs/<run>")`` returns the trained model. ``build`` returns the untrained model and its data,
for your own trainer. ``jlml.evaluate("run=outputs/<run>")`` does the same as `evaluate.py`.
``jlml.explore("outputs/<run>")`` shows the explorer in a notebook.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlml.config import compose
    from jlml.evaluation.entry import evaluate
    from jlml.evaluation.explorer.notebook import explore
    from jlml.runs import load
    from jlml.training.build import build
    from jlml.training.train import train

__version__ = "0.2.0"
__all__ = ["build", "compose", "evaluate", "explore", "load", "train"]

_MODULES = {
    "build": "jlml.training.build",
    "compose": "jlml.config",
    "evaluate": "jlml.evaluation.entry",
    "explore": "jlml.evaluation.explorer.notebook",
    "load": "jlml.runs",
    "train": "jlml.training.train",
}


def __getattr__(name: str) -> Any:
    """Imports a function on first use, so that `--help` does not wait for torch."""
    if name not in _MODULES:
        raise AttributeError(f"module 'jlml' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
