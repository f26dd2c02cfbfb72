"""Tables as text for papers and notes: Markdown, and LaTeX with the packages booktabs and adjustbox."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil

from jlml.comparison.tables import Cell, Table
from jlml.errors import printable

MOST_VALUES = 6  # columns of numbers side by side in LaTeX
LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": "$^2$",
}


def as_markdown(table: Table) -> str:
    """A table as Markdown, under its title."""
    rows = [_markdown_row(map(_in_markdown, row)) for row in table.rows]
    marks = _markdown_row("---" if place < table.keys else "---:" for place in range(len(table.header)))
    header = _markdown_row(_in_markdown(Cell(name)) for name in table.header)
    title = [f"### {printable(table.title)}", ""] if table.title else []
    return "\n".join([*title, header, marks, *rows]) + "\n"


def as_latex(table: Table) -> str:
    """A table as LaTeX, not wider than a line. It needs the packages booktabs and adjustbox.

    One with many columns becomes several blocks, each with the columns that name the rows.
    """
    caption = [rf"\caption{{{_escaped(table.title)}}}", r"\medskip"] if table.title else []
    keys, values = range(table.keys), range(table.keys, len(table.header))
    count = max(1, ceil(len(values) / MOST_VALUES))
    size = ceil(len(values) / count)
    blocks = [_latex_block(table, [*keys, *values[size * i : size * (i + 1)]]) for i in range(count)]
    body = "\n\n\\medskip\n\n".join(blocks)  # the empty lines end a paragraph
    return "\n".join([r"\begin{table}", r"\centering", *caption, body, r"\end{table}"]) + "\n"


def texts_of(sections: Iterable[tuple[str, Table]]) -> dict[str, str]:
    """The files `tables.md` and `tables.tex` with these tables, each with the title of its section first."""
    tables = [
        replace(table, title=": ".join(filter(None, (section, table.title)))) for section, table in sections
    ]
    return {
        "tables.md": "\n".join(map(as_markdown, tables)),
        "tables.tex": r"% \usepackage{booktabs, adjustbox}" + "\n\n" + "\n".join(map(as_latex, tables)),
    }


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_markdown(cell: Cell) -> str:
    text = printable(cell.text).replace("|", r"\|")
    return f"**{text}**" if cell.bold and text else text


def _latex_block(table: Table, columns: Sequence[int]) -> str:
    """Some columns of a table, made smaller if they are wider than a line."""
    kinds = "".join("l" if column < table.keys else "r" for column in columns)
    lines = [
        *(r"\begin{adjustbox}{max width=\linewidth}", rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"),
        *(_latex_row(_escaped(table.header[column]) for column in columns), r"\midrule"),
        *(_latex_row(_in_latex(row[column]) for column in columns) for row in table.rows),
        *(r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}"),
    ]
    return "\n".join(lines)


def _latex_row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _in_latex(cell: Cell) -> str:
    text = _escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold and text else text


def _escaped(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in printable(text))
