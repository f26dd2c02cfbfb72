"""From a finished run to numbers. Needs nothing but its folder and the data."""

from jlml.evaluation.test import evaluate

__all__ = ["evaluate"]
