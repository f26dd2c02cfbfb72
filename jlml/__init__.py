"""jlml: an experiment framework for autoencoders.

``jlml.train("model=vae", "loss=bce")`` does what ``python train.py model=vae loss=bce`` does, and
``jlml.load("outputs/<run>")`` gives the trained model. ``build`` gives the untrained model with its data, to
train under a trainer of your own; ``evaluate`` takes a config that ``compose`` makes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlml.config import compose
    from jlml.evaluation.entry import evaluate
    from jlml.runs import load
    from jlml.training.build import build
    from jlml.training.train import train

__version__ = "0.2.0"
__all__ = ["build", "compose", "evaluate", "load", "train"]

_HOMES = {
    "build": "jlml.training.build",
    "compose": "jlml.config",
    "evaluate": "jlml.evaluation.entry",
    "load": "jlml.runs",
    "train": "jlml.training.train",
}


def __getattr__(name: str) -> Any:
    """Imports a function when it is first used: `--help` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'jlml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
