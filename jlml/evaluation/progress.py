"""The progress display of an evaluation: one line per part."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from jlml.training.words import duration


class Elapsed(ProgressColumn):
    """The time since a part began, or that it took, in the words of all messages."""

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(duration(elapsed or 0.0).rjust(6))


class PartProgress(Progress):
    """One line per part on stderr: its name, a bar, the time, and the reason if it has no results.

    Where stderr is no terminal, a plain line is printed when the part ends.
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        super().__init__(
            TextColumn("{task.description:14}", table_column=Column(no_wrap=True, min_width=14)),
            BarColumn(table_column=Column(min_width=20)),
            Elapsed(),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(overflow="fold")),
            console=console,
            disable=not console.is_terminal,
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
        if self.disable:
            name = f"{self.tasks[task].description:14}"
            line = f"{name} {duration(result['seconds']):>6}  {note}".rstrip()
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
