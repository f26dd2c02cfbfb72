"""Numbers from tensors. They know no model."""

from jlml.metrics.names import MONITOR, Split, named
from jlml.metrics.running import RunningMean
from jlml.metrics.yardsticks import bce, mse, yardsticks

__all__ = ["MONITOR", "RunningMean", "Split", "bce", "mse", "named", "yardsticks"]
