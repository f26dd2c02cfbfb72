"""The digit classifier of jlml. Its features are the space in which generated digits are scored."""

from jlml.evaluation.digits.classifier import NAME, WEIGHTS, DigitClassifier, load_classifier, weights_hash

__all__ = ["NAME", "WEIGHTS", "DigitClassifier", "load_classifier", "weights_hash"]
