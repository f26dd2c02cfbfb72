"""A table of text that can be shown in a terminal or in an HTML report."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from jlml.errors import printable

FRAME = 3  # characters that a column adds to its content: the border, and a space on each side
NARROW_FRAME = 2  # where the table would be too wide: a space on the right only


@dataclass(frozen=True)
class Cell:
    """The content of a cell."""

    text: str
    bold: bool = False
    note: str = ""  # an explanation, for reports
    link: str = ""  # a page that defines it, for reports


@dataclass(frozen=True)
class Table:
    """Cells under a header; the first columns name the rows."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    hints: Sequence[str] = ()  # an explanation of each column
    links: Sequence[str] = ()  # a page that defines each column
    keys: int = 1  # number of columns that name the rows

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """The columns that have an explanation, with it."""
        return [(name, hint) for name, hint in zip(self.header, self.hints, strict=False) if hint]


class Column:
    """A column of a table with escaped control characters."""

    def __init__(self, header: str, cells: Sequence[Cell], justify: JustifyMethod) -> None:
        self.header = printable(header)
        self.cells = [Text(printable(cell.text), "bold" if cell.bold else "") for cell in cells]
        self.justify = justify
        self.content = max((cell.cell_len for cell in self.cells), default=0)
        self.full = max(self.content, cell_len(self.header))  # width with the header in one line
        self.narrow = max(self.content, *map(cell_len, self.header.split()), 1)  # in one line per word

    def header_in(self, width: int) -> Text:
        """The header, broken between words to fit a width."""
        return Text(
            "\n".join(textwrap.wrap(self.header, width, break_long_words=False, break_on_hyphens=False))
        )


@dataclass(frozen=True)
class TerminalTable:
    """Renders a table without breaking a word or a number.

    Where it is wider than the terminal, its headers are broken between words. Where that is not enough, its
    columns are divided among several tables below each other. Where not even one column fits beside the
    names of the rows, every row becomes a list.
    """

    title: str
    columns: Sequence[Column]
    keys: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RichTable | Text]:
        width, columns = options.max_width, self.columns
        title = Text(self.title, "table.title")
        for frame in (FRAME, NARROW_FRAME):
            if width_of([column.full for column in columns], frame) <= width:
                yield as_grid(title, columns, [column.full for column in columns], frame)
                return
        blocks = blocks_of([column.narrow for column in columns], self.keys, width)
        if blocks is None:
            if self.title:
                yield title
            yield from self._lists()
            return
        for place, block in enumerate(blocks):
            shown = [columns[index] for index in block]
            widths = [column.narrow for column in shown]
            yield as_grid(title if place == 0 else None, shown, widths, NARROW_FRAME)

    def _lists(self) -> Iterator[Text]:
        """Every row as its names, and a line per cell."""
        names, others = self.columns[: self.keys], self.columns[self.keys :]
        indent = max((cell_len(column.header) for column in others), default=0) + 2
        for row in range(len(self.columns[0].cells)):
            yield Text("  ").join(name.cells[row] for name in names)
            for column in others:
                cell = column.cells[row]
                if cell.plain:
                    yield Text(f"  {column.header:<{indent}}").append_text(cell)


def as_rich(table: Table, title: str | None = None) -> TerminalTable:
    """The table for a terminal, without explanations and with escaped control characters."""
    columns = []
    for place, name in enumerate(table.header):
        justify: JustifyMethod = "left" if place < table.keys or name.startswith("unit") else "right"
        columns.append(Column(name, [row[place] for row in table.rows], justify))
    return TerminalTable(printable(table.title if title is None else title), columns, table.keys)


def blocks_of(widths: Sequence[int], keys: int, most: int) -> list[list[int]] | None:
    """Divides columns among tables of a width; each repeats the first columns, which name the rows.

    Returns the columns of each table by number; None if a column does not fit beside the names.
    """
    names = list(range(keys))
    blocks = [names]
    for index in range(keys, len(widths)):
        if width_of([widths[i] for i in [*blocks[-1], index]]) <= most:
            blocks[-1] = [*blocks[-1], index]
        elif width_of([widths[i] for i in [*names, index]]) <= most:
            blocks.append([*names, index])
        else:
            return None
    return [block for block in blocks if len(block) > keys or len(widths) == keys]


def width_of(widths: Sequence[int], frame: int = NARROW_FRAME) -> int:
    """The width of a table with columns of these widths."""
    return sum(width + frame for width in widths) + 1


def as_grid(title: Text | None, columns: Sequence[Column], widths: Sequence[int], frame: int) -> RichTable:
    """A table with a frame."""
    shown = RichTable(title=title, title_justify="left", padding=(0, 1, 0, frame - NARROW_FRAME))
    for column, width in zip(columns, widths, strict=True):
        header = column.header_in(width)
        shown.add_column(header, justify=column.justify, width=width, no_wrap=True, overflow="crop")
    for cells in zip(*(column.cells for column in columns), strict=True):
        shown.add_row(*cells)
    return shown
