"""Metrics computed from tensors, independent of any model."""

from jlml.metrics.common import bce, common_metrics, mse
from jlml.metrics.names import MONITOR, Split, named
from jlml.metrics.running import RunningMean

__all__ = ["MONITOR", "RunningMean", "Split", "bce", "common_metrics", "mse", "named"]
