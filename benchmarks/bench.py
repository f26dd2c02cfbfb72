"""Measures the speed of jlml relative to alternatives, in alternation, and prints a table. See `make bench`.

    python benchmarks/bench.py                        the default rows, a quarter of an hour on 2 cores
    python benchmarks/bench.py nets fast --repeats 3  these rows
    python benchmarks/bench.py all

A row shows the median over the repeats (lowest to highest). A ratio of speeds above 1 means that jlml is
faster. The numbers depend on the machine and on its other load.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from rows import Row

from jlml.files import write_atomically
from jlml.speed.startup import importing
from jlml.training.quiet import silence_lightning

Group = Callable[[int], Iterator[Row]]
BY_DEFAULT = ("nets", "habits", "fast", "denormals", "answers", "first_step", "data")


def groups() -> dict[str, Group]:
    """All groups of measurements, by name."""
    import denormals
    import evaluation
    import explorer
    import peers
    import shares
    import startup
    import training

    return {
        **training.GROUPS,
        **denormals.GROUPS,
        **startup.GROUPS,
        **evaluation.GROUPS,
        **explorer.GROUPS,
        **shares.GROUPS,
        "pythae": peers.rows,
    }


def shown(row: Row) -> list[str]:
    """The cells of a row."""
    digits = 2 if abs(row.median) < 100 else 0
    low, middle, high = (f"{value:.{digits}f}" for value in (min(row.values), row.median, max(row.values)))
    met = {None: "", True: "met", False: "[red]missed[/red]"}[row.meets_target]
    return [row.name, f"{middle} ({low} to {high})", row.unit, row.target, met, row.note]


def main(arguments: Sequence[str]) -> None:
    """Measures, prints a table and writes JSON."""
    with importing():  # as in train.py, so that garbage collection takes the same time
        known = groups()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("groups", nargs="*", default=BY_DEFAULT, help=f"of: all, {', '.join(known)}")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", type=Path, default=Path("outputs/bench.json"))
    options = parser.parse_args(arguments)
    unknown = set(options.groups) - known.keys() - {"all"}
    if unknown:
        sys.exit(f"Error: {', '.join(unknown)} is not a group. Choose from: all, {', '.join(known)}.")

    silence_lightning()
    table = Table(
        title=f"{torch.get_num_threads()} cores, torch {torch.__version__}, {options.repeats} repeats"
    )
    for column in ("what", "median (lowest to highest)", "unit", "target", "", "note"):
        table.add_column(column)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    progress = Console(stderr=True)
    for name in known if "all" in options.groups else options.groups:
        for row in known[name](options.repeats):
            rows.append(row)
            table.add_row(*shown(row))
            progress.print(*shown(row), sep="  ")
            write_atomically(
                options.json, as_json(rows)
            )  # after each row, so that an interrupted benchmark keeps its rows
    Console(width=150).print(table)


def as_json(rows: Sequence[Row]) -> str:
    """The rows with all values, the machine and the versions, as JSON."""
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    versions = {package: version(package) for package in ("torch", "lightning", "hydra-core")}
    content = {"machine": machine, "versions": versions, "rows": [vars(row) for row in rows]}
    return json.dumps(content, indent=2) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
