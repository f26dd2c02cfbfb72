"""Numbers from tensors. Knows no model."""

from jlml.metrics.names import MONITOR, named
from jlml.metrics.running import RunningMean
from jlml.metrics.yardsticks import bce, mse, yardsticks

__all__ = ["MONITOR", "RunningMean", "bce", "mse", "named", "yardsticks"]
