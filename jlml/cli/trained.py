"""Prints the results of a training run, and the commands to use next."""

from shlex import quote

from rich.console import Console
from rich.table import Table

from jlml.comparison.quantities import formatted, quantity_of
from jlml.config import command_line, override
from jlml.runs import trust_needed
from jlml.training.train import Trained

ON_MNIST_5K = "Trained on mnist_5k, which has 4,000 training images where MNIST has 55,000."


def show_trained(trained: Trained) -> None:
    """Prints the metrics of the best checkpoint, the run folder, and the next commands."""
    console = Console(soft_wrap=True)
    run = trained.run.path
    data = trained.data.source.name
    choices = trained.config["choices"]
    title = f"{choices['model']}, {choices['loss']}, latent dim {trained.model.latent_dim}, {data}"
    console.print(table_of(trained.metrics, ("val", "test"), f"{title}: best checkpoint"))
    if data == "mnist_5k":
        console.print(f"[bold yellow]{ON_MNIST_5K}[/]", highlight=False)
    console.print(f"Run folder   {run}", highlight=False, markup=False)
    evaluation = command_line("evaluate.py", override("run", str(run)), *trust_needed(trained.config))
    console.print(f"Evaluate it  {evaluation}", highlight=False, markup=False)
    console.print(
        f"Look at it   tensorboard --logdir {quote(str(run.parent))}", highlight=False, markup=False
    )


def table_of(metrics: dict[str, float], splits: tuple[str, ...], title: str) -> Table:
    """A table of metrics with one row per quantity and one column per split."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for split in splits:
        table.add_column(split, justify="right")
    table.add_column("unit")
    quantities = dict.fromkeys(name.split("/")[1] for name in metrics)
    for quantity in quantities:
        cells = [formatted(metrics.get(f"{split}/{quantity}"), quantity) for split in splits]
        table.add_row(quantity, *cells, quantity_of(quantity).unit)
    return table
