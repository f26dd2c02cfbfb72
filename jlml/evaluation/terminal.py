"""What the terminal says of an evaluation or a comparison: the main numbers, and where the rest is."""

from rich.console import Console, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from jlml.errors import UserError
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison
from jlml.evaluation.tables import Table, summary_of


def show(result: Evaluation | Comparison) -> None:
    """What `evaluate.py` found.

    Raises:
        UserError: something has failed; said last, after all that can be shown.
    """
    if isinstance(result, Comparison):
        show_compared(result)
    else:
        show_evaluated(result)


def show_compared(comparison: Comparison) -> None:
    """The main numbers of each group, and where the rest is."""
    console = Console(soft_wrap=True)
    runs = sum(len(group.evaluations) for group in comparison.groups)
    console.print(f"{runs} runs: mean ± standard deviation over seeds", highlight=False)
    for table in comparison.tables:
        console.print(as_rich(table, table.title))
    console.print("Bold: better than every other group by more than the noise of the seeds.", highlight=False)
    console.print(f"Report   {comparison.folder / 'comparison.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {comparison.folder / 'runs.csv'}, groups.csv", highlight=False, markup=False)
    if comparison.failed:
        raise UserError(f"Failed: {'; '.join(comparison.failed)}. The others are in the report.")


def show_evaluated(evaluation: Evaluation) -> None:
    """The numbers of an evaluation, and where the rest is.

    Raises:
        UserError: a part has failed; said last, after all that can be shown.
    """
    console = Console(soft_wrap=True)
    parts = evaluation.parts
    for table in summary_of(parts):
        console.print(as_rich(table, table.title or evaluation.content["run"]))
    console.print(f"Report   {evaluation.folder / 'report.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {evaluation.folder / 'metrics.json'}", highlight=False, markup=False)
    if evaluation.failed:
        reasons = [f"{name} ({parts[name]['reason']})" for name in evaluation.failed]
        raise UserError(f"Failed: {'; '.join(reasons)}. The other parts are in the report.")


def as_rich(table: Table, title: str) -> RichTable:
    """A neutral table for the terminal, without the sentences that explain a quantity."""
    header = table.header[:-1] if table.explained else table.header
    shown = RichTable(title=title, title_justify="left", padding=(0, 1, 0, 0))
    for place, name in enumerate(header):
        justify: JustifyMethod = "left" if place == 0 or name == "unit" else "right"
        shown.add_column(name, justify=justify, no_wrap=place == 0, overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell.text, "bold" if cell.bold else "") for cell in row[: len(header)]))
    return shown
