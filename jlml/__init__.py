"""jlml: an experiment framework for autoencoders.

``jlml.train("model=vae", "loss=bce")`` does the same as ``python train.py model=vae loss=bce``.
``jlml.load("outputs/<run>")`` returns the trained model, ``images`` its test images and labels, ``prepare``
other image files as its data were prepared. ``build`` returns the untrained model and its data, for your own
trainer. ``evaluate`` and ``compare`` do the same as `evaluate.py`, ``find_runs`` returns a table of runs,
``explore`` shows the explorer in a notebook, and the functions of ``plots`` return figures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlml.config import compose
    from jlml.evaluation import plots
    from jlml.evaluation.entry import compare, evaluate
    from jlml.evaluation.explorer.notebook import explore
    from jlml.evaluation.images import images, prepare
    from jlml.evaluation.run_table import find_runs
    from jlml.runs import load
    from jlml.training.build import build
    from jlml.training.train import train

__version__ = "0.2.0"
__all__ = [
    "build",
    "compare",
    "compose",
    "evaluate",
    "explore",
    "find_runs",
    "images",
    "load",
    "plots",
    "prepare",
    "train",
]

_MODULES = {
    "build": "jlml.training.build",
    "compare": "jlml.evaluation.entry",
    "compose": "jlml.config",
    "evaluate": "jlml.evaluation.entry",
    "explore": "jlml.evaluation.explorer.notebook",
    "find_runs": "jlml.evaluation.run_table",
    "images": "jlml.evaluation.images",
    "load": "jlml.runs",
    "plots": "jlml.evaluation.plots",
    "prepare": "jlml.evaluation.images",
    "train": "jlml.training.train",
}


def __getattr__(name: str) -> Any:
    """Imports a function on first use, so that `--help` does not wait for torch."""
    if name not in _MODULES:
        raise AttributeError(f"module 'jlml' has no attribute {name!r}")
    module = import_module(_MODULES[name])
    return getattr(module, name, module)  # `plots` is a module itself


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
