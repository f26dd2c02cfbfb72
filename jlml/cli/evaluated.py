"""Prints the main results of an evaluation, a comparison or an export, and the paths of its files."""

from rich.console import Console
from rich.text import Text

from jlml.cli.decided import print_sentences
from jlml.comparison.tables import as_rich
from jlml.errors import UserError, printable
from jlml.evaluation.explorer import NAME as EXPLORER
from jlml.evaluation.export import Export
from jlml.evaluation.part_tables import short_tables
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison
from jlml.evaluation.shown_scores import picture_shown
from jlml.training.words import counted


def show(result: Evaluation | Comparison | Export) -> None:
    """Prints the result of `evaluate.py`.

    Raises:
        UserError: something has failed. Raised after all results are printed.
    """
    if isinstance(result, Comparison):
        show_compared(result)
    elif isinstance(result, Export):
        show_exported(result)
    else:
        show_evaluated(result)


def show_compared(comparison: Comparison) -> None:
    """Prints what came out in sentences, the main metrics of each group, and the paths of the files."""
    console = Console(soft_wrap=True)
    console.print(Text(printable(comparison.title), "bold"))
    for shared, sentences in comparison.sentences.items():
        print_sentences(console, sentences, f"On {shared}")
    console.print("Mean ± standard deviation over seeds:", highlight=False)
    for table in comparison.tables:
        console.print(as_rich(table))
    if any(cell.bold for table in comparison.tables for row in table.rows for cell in row):
        console.print("Bold: the best group, and this is decided for each of its levels.", highlight=False)
    console.print(f"Report   {comparison.folder / 'comparison.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {comparison.folder / 'runs.csv'}, groups.csv", highlight=False, markup=False)
    if comparison.failed:
        raise UserError(f"Failed: {'; '.join(comparison.failed)}. The others are in the report.")


def show_evaluated(evaluation: Evaluation) -> None:
    """Prints the metrics of an evaluation, and the paths of the files."""
    console = Console(soft_wrap=True)
    parts = evaluation.parts
    for table in short_tables(parts, picture_shown(evaluation.config)):
        console.print(as_rich(table, table.title or evaluation.content["run"]))
    if "explorer" in evaluation.requested and "explorer" not in evaluation.failed:
        console.print(f"Explorer {evaluation.folder / EXPLORER}", highlight=False, markup=False)
    console.print(f"Report   {evaluation.folder / 'report.html'}", highlight=False, markup=False)
    console.print(f"Numbers  {evaluation.folder / 'metrics.json'}", highlight=False, markup=False)
    if evaluation.failed:
        reasons = [f"{name} ({parts[name]['reason']})" for name in evaluation.failed]
        raise UserError(f"Failed: {'; '.join(reasons)}. The other parts are in the report.")


def show_exported(export: Export) -> None:
    """Prints the paths of the ONNX files, and how far they are from PyTorch."""
    console = Console(soft_wrap=True)
    console.print(f"Encoder  {export.encoder}", highlight=False, markup=False)
    console.print(f"Decoder  {export.decoder}", highlight=False, markup=False)
    images = counted(export.images, "test image")
    console.print(
        f"Largest difference from PyTorch on {images}: {export.difference:.1e}", highlight=False, markup=False
    )
