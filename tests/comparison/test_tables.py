"""Tables in a terminal: no word and no number is ever broken, however narrow the terminal is."""

import io

import pytest
from rich.console import Console, RenderableType

from jlml.cli.trained import table_of
from jlml.comparison.quantities import QUANTITIES
from jlml.comparison.tables import Cell, Table, as_rich
from jlml.evaluation.part_tables import matrix_table, quantity_table, short_tables
from jlml.sweeps.folder import Result
from jlml.sweeps.ranking import ranking

METRICS = {name: {"value": 123.456789, "standard_error": 0.0123} for name in QUANTITIES}
GROUPS = dict.fromkeys(("real_test_images", "reconstructions", "class_medians"), METRICS)
LONG_NAME = "conv_vae-cb-d16-s0_hidden-512-256-128_norm-batch_activation-silu_2026-11-26_17-30-12"
RUN = {f"{split}/{name}": -1310.66 for split in ("val", "test") for name in ("loss", "nll", "kl", "mse")}


def results():
    metrics = {"val/mse": 0.0372, "val/bce": 188.34, "val/loss": -1310.66}
    record = {"status": "finished", "metrics": metrics, "fit_seconds": 754}
    keys = ("model", "loss", "latent.dim", "optimizer.lr", "model.beta", "seed")
    return [Result("job", dict.fromkeys(keys, "conv_vae"), record, {})]


def cells(*texts):
    return [Cell(text) for text in texts]


TABLES: dict[str, RenderableType] = {
    "evaluation": as_rich(quantity_table("", {"this run": METRICS, "PCA": METRICS, "mean image": METRICS})),
    "generation": as_rich(matrix_table("generation", GROUPS)),
    "short": as_rich(
        short_tables({"generation": {"metrics": {f"prior/{n}": m for n, m in METRICS.items()}}})[0]
    ),
    "long names": as_rich(Table("runs", ["run", "MSE ↓"], [cells(LONG_NAME, "0.0372 ± 0.0003")])),
    "training": as_rich(
        table_of(RUN, {"PCA, 16 dims": 0.0557, "mean image": 0.0674}, "vae: best checkpoint")
    ),
    "sweep": ranking(results(), "val/mse"),
}


def rendered(table, width):
    console = Console(file=io.StringIO(), width=width, soft_wrap=True)
    console.print(table)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", TABLES)
def test_no_line_is_wider_than_the_terminal_and_no_content_is_broken(name, width):
    lines = rendered(TABLES[name], width)
    longest = max(map(len, lines))
    assert longest <= max(width, len(LONG_NAME) if name == "long names" else 0)
    wide = rendered(TABLES[name], 2000)  # nothing has to be broken here
    for content in contents(wide):
        assert content in contents(lines)
    words = {word for line in lines for word in line.replace("┃", " ").split() if line.startswith("┃")}
    assert words <= {word for line in wide for word in line.split()}


def contents(lines):
    """The cells of a table, of which every one is on one line; a list has two spaces between them."""
    rows = [line.strip("│ ") for line in lines if not line.startswith(("┏", "┃", "┡", "└"))]
    return {cell.strip() for row in rows for part in row.split("│") for cell in part.split("  ")} - {""}


def test_a_table_that_is_too_wide_is_divided_and_each_part_has_the_names_of_the_rows():
    table = Table("", ["run", "MSE", "KL"], [cells("one", "0.1 ± 0.2", "3 ± 4")])
    assert sum("one" in line for line in rendered(as_rich(table), 80)) == 1
    divided = rendered(as_rich(table), 20)
    assert [line.replace("│", " ").split() for line in divided if "one" in line] == [
        ["one", "0.1", "±", "0.2"],
        ["one", "3", "±", "4"],
    ]
    assert rendered(as_rich(table), 15) == ["one", "  MSE  0.1 ± 0.2", "  KL   3 ± 4"]


def test_control_characters_in_an_untrusted_name_are_escaped():
    (line,) = [
        line for line in rendered(as_rich(Table("", ["run"], [cells("a\x1b[31m")])), 80) if "31m" in line
    ]
    assert "\\x1b[31m" in line
