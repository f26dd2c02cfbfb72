"""The result of a benchmark: one row of the table."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """A quantity with several measurements. The unit ``x`` is a ratio of two alternating measurements."""

    name: str
    values: list[float]
    unit: str = "x"
    target: str = ""  # for example ">= 0.95"
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def meets_target(self) -> bool | None:
        """Whether the median meets the target; None if there is no target."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.median >= float(bound) if sign == ">=" else self.median <= float(bound)
