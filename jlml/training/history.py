"""`history.csv`: every logged number of a run, in a row per logged step, for pandas or a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from jlml.files import read_limited, write_atomically

FILE = "history.csv"
KEYS = ("epoch", "step")  # the first columns: the epoch, counted from one, and the optimizer steps so far
LARGEST = 1 << 30  # bytes

Row = dict[str, str]


class History(Logger):
    """Writes numbers to `history.csv`, whatever the run's other logger.

    A row is appended when a later step is logged, and before every checkpoint, so a killed run loses one row
    at most. A number that is logged for the first time gets the next column; the file is then written anew,
    beside the old one.

    Args:
        folder: run folder.
        resumed: step of the checkpoint from which the run resumes, -1 for none. Later rows are removed,
            because their steps are logged again.
    """

    def __init__(self, folder: Path, resumed: int) -> None:
        super().__init__()
        self.path = folder / FILE
        self._resumed = resumed
        self._columns: list[str] = []  # of the file; empty before the first number is logged
        self._step, self._epoch = -1, 0  # of the current row
        self._row: Row = {}  # its numbers
        self._last_in_file = -1  # step

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.path.parent)

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Writes nothing, because config.yaml has them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds numbers to the row of a step.

        A step before that of the current row belongs to it: Lightning counts the steps before a validation
        from zero.
        """
        if not self._columns:
            self._open()
        if step is not None and step > self._step:
            self._write()
            self._step, self._row = step, {}
        if "epoch" in metrics:
            self._epoch = int(metrics["epoch"]) + 1
        self._row |= {name: f"{float(value):.9g}" for name, value in metrics.items() if name != "epoch"}

    def finalize(self, status: str) -> None:
        """Writes the current row."""
        self._write()

    def conclude(self, metrics: Mapping[str, float], step: int) -> None:
        """Adds the test metrics in a row of their own, one step later, as in TensorBoard.

        A run that is extended then removes them.
        """
        self.log_metrics(metrics, step + 1)
        self._write()

    def _open(self) -> None:
        """Removes the rows after the checkpoint from which the run resumes, or starts a new file."""
        columns, rows = read_history(self.path)
        kept = [row for row in rows if int(row["step"]) <= self._resumed]
        self._columns = columns if kept else [*KEYS]
        write_atomically(self.path, as_text(self._columns, kept, with_header=True))
        if kept:
            self._step = self._last_in_file = int(kept[-1]["step"])
            self._epoch, self._row = int(kept[-1]["epoch"]), kept[-1]

    def _write(self) -> None:
        """Appends the current row, or replaces the last row of the file if it has the same step."""
        if self._step < 0:
            return
        row = {**self._row, "epoch": str(self._epoch), "step": str(self._step)}
        new = [name for name in row if name not in self._columns]
        if new or self._step == self._last_in_file:
            self._columns += new
            _, rows = read_history(self.path)
            earlier = [old for old in rows if int(old["step"]) < self._step]
            write_atomically(self.path, as_text(self._columns, [*earlier, row], with_header=True))
        else:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(as_text(self._columns, [row]))
        self._last_in_file = self._step


def as_text(columns: Sequence[str], rows: Sequence[Row], with_header: bool = False) -> str:
    """Rows as CSV, with empty cells where a row has no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if with_header:
        writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return text.getvalue()


def read_history(path: Path, most: int = LARGEST) -> tuple[list[str], list[Row]]:
    """The columns and the intact rows of a file; none if it is missing, damaged or larger than ``most``."""
    try:
        text = read_limited(path, most).decode()
        lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))  # without an incomplete last line
        columns = next(lines, [])
        # a row of another length is dropped first: an untrusted file can have a million columns
        rows = [
            dict(zip(columns, cells, strict=True))
            for cells in lines
            if len(cells) == len(columns) and is_row(cells)
        ]
    except (OSError, ValueError, csv.Error):
        return [], []
    is_history = tuple(columns[:2]) == KEYS and len(set(columns)) == len(columns)
    return (columns, rows) if is_history else ([], [])


def is_row(cells: Sequence[str]) -> bool:
    """Whether a row has a number or nothing in each column, and first an epoch and a step."""
    try:
        [float(cell or "nan") for cell in cells]
        return int(cells[0]) >= 0 <= int(cells[1])
    except (IndexError, ValueError):
        return False
