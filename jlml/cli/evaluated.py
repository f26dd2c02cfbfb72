"""What the terminal shows of an evaluation or a comparison: the main numbers, and where the rest is."""

from rich.console import Console

from jlml.comparison.tables import as_rich
from jlml.errors import UserError
from jlml.evaluation.part_tables import short_tables
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison


def show(result: Evaluation | Comparison) -> None:
    """Shows what `evaluate.py` found.

    Raises:
        UserError: something has failed. Raised last, after everything that can be shown.
    """
    if isinstance(result, Comparison):
        show_compared(result)
    else:
        show_evaluated(result)


def show_compared(comparison: Comparison) -> None:
    """Shows the main numbers of each group, and where the rest is."""
    console = Console(soft_wrap=True)
    runs = sum(len(group.runs) for group in comparison.groups)
    console.print(f"{runs} runs: mean ± standard deviation over seeds", highlight=False)
    for table in comparison.tables:
        console.print(as_rich(table))
    console.print("Bold: better than every other group by more than the noise of the seeds.", highlight=False)
    console.print(f"Report   {comparison.folder / 'comparison.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {comparison.folder / 'runs.csv'}, groups.csv", highlight=False, markup=False)
    if comparison.failed:
        raise UserError(f"Failed: {'; '.join(comparison.failed)}. The others are in the report.")


def show_evaluated(evaluation: Evaluation) -> None:
    """Shows the numbers of an evaluation, and where the rest is."""
    console = Console(soft_wrap=True)
    parts = evaluation.parts
    for table in short_tables(parts):
        console.print(as_rich(table, table.title or evaluation.content["run"]))
    console.print(f"Report   {evaluation.folder / 'report.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {evaluation.folder / 'metrics.json'}", highlight=False, markup=False)
    if evaluation.failed:
        reasons = [f"{name} ({parts[name]['reason']})" for name in evaluation.failed]
        raise UserError(f"Failed: {'; '.join(reasons)}. The other parts are in the report.")
