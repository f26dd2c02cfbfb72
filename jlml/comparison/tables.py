"""A table of text that can be shown in a terminal or in an HTML report."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from jlml.errors import printable


@dataclass(frozen=True)
class Cell:
    """The content of a cell."""

    text: str
    bold: bool = False
    note: str = ""  # an explanation, for reports
    link: str = ""  # a page that defines it, for reports


@dataclass(frozen=True)
class Table:
    """Cells under a header; the first column names the rows."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    hints: Sequence[str] = ()  # an explanation of each column
    links: Sequence[str] = ()  # a page that defines each column

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """The columns that have an explanation, with it."""
        return [(name, hint) for name, hint in zip(self.header, self.hints, strict=False) if hint]


def as_rich(table: Table, title: str | None = None) -> RichTable:
    """The table for a terminal, without explanations and with escaped control characters."""
    header = table.header
    heading = Text(printable(table.title if title is None else title), "table.title")
    shown = RichTable(title=heading, title_justify="left", padding=(0, 1, 0, 0))
    for place, name in enumerate(header):
        justify: JustifyMethod = "left" if place == 0 or name == "unit" else "right"
        shown.add_column(Text(printable(name)), justify=justify, no_wrap=place == 0, overflow="fold")
    for row in table.rows:
        cells = row[: len(header)]
        shown.add_row(*(Text(printable(cell.text), "bold" if cell.bold else "") for cell in cells))
    return shown
