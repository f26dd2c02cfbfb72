"""Numbers in words, the same in every message about training, sweeps, searches and evaluations."""


def duration(seconds: float) -> str:
    """A duration in seconds, minutes or hours, for example ``12 s``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 epoch``, ``20 epochs``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
