"""The progress display of an evaluation: one line per part."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column


class PartProgress(Progress):
    """One line per part on stderr: its name, a bar, the time, and the reason if it has no results."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description:14}", table_column=Column(no_wrap=True, min_width=14)),
            BarColumn(table_column=Column(min_width=20)),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(overflow="fold")),
            console=Console(stderr=True),
        )

    def begin(self, name: str) -> TaskID:
        """Adds the line of a part. Its bar pulses until the amount of work is known."""
        return self.add_task(name, total=None, note="")

    def advance_to(self, task: TaskID, done: int, total: int) -> None:
        """Updates the bar of a part."""
        self.update(task, completed=done, total=total)

    def end(self, task: TaskID, result: dict[str, Any]) -> None:
        """Completes the line of a part."""
        note = "" if result["status"] == "done" else f"{result['status']}: {result['reason']}"
        self.update(task, completed=1, total=1, note=note)
