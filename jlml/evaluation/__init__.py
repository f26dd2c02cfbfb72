"""From finished runs to numbers, pictures and a report. Needs nothing but their folders and the data."""

from jlml.evaluation.entry import evaluate
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison

__all__ = ["Comparison", "Evaluation", "evaluate"]
