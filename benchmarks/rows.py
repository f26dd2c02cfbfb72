"""What a benchmark gives: one line of the table."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """Measured several times in one run; ``x`` as unit is a ratio of two things measured in turns."""

    name: str
    values: list[float]
    unit: str = "x"
    target: str = ""  # as ">= 0.95"
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def meets_target(self) -> bool | None:
        """Whether the median is where it should be; None where there is no target."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.median >= float(bound) if sign == ">=" else self.median <= float(bound)
