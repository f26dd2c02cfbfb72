"""Tables as text for papers and notes: Markdown, and LaTeX with the packages booktabs and adjustbox."""

from collections.abc import Iterable, Sequence

from jlml.comparison.tables import Cell, Table
from jlml.errors import printable

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
    """A table as LaTeX, not wider than a line. It needs the packages booktabs and adjustbox."""
    columns = "".join("l" if place < table.keys else "r" for place in range(len(table.header)))
    caption = [rf"\caption{{{_escaped(table.title)}}}"] if table.title else []
    lines = [
        *(r"\begin{table}", r"\centering", *caption),
        *(r"\begin{adjustbox}{max width=\linewidth}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"),
        *(_latex_row(map(_escaped, table.header)), r"\midrule"),
        *(_latex_row(map(_in_latex, row)) for row in table.rows),
        *(r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}", r"\end{table}"),
    ]
    return "\n".join(lines) + "\n"


def texts_of(tables: Sequence[Table]) -> dict[str, str]:
    """The files `tables.md` and `tables.tex` with these tables."""
    return {
        "tables.md": "\n".join(map(as_markdown, tables)),
        "tables.tex": r"% \usepackage{booktabs, adjustbox}" + "\n\n" + "\n".join(map(as_latex, tables)),
    }


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_markdown(cell: Cell) -> str:
    text = printable(cell.text).replace("|", r"\|")
    return f"**{text}**" if cell.bold and text else text


def _latex_row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _in_latex(cell: Cell) -> str:
    text = _escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold and text else text


def _escaped(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in printable(text))
