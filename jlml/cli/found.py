"""Prints the best trials of a search, and the commands to use next."""

from shlex import quote
from typing import TYPE_CHECKING

from rich.console import Console

from jlml.comparison.quantities import formatted
from jlml.comparison.tables import Cell, Table, as_rich
from jlml.config import command_line, override
from jlml.errors import UserError
from jlml.runs import Run, trust_needed
from jlml.search.results import Found, error_of, importances, ranking, seconds_of, values_of
from jlml.search.trials import Trials
from jlml.training.words import duration

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

MOST_ROWS = 10


def show_found(found: Found) -> None:
    """Prints the best trials, the best run, and the commands to evaluate or train it.

    Raises:
        UserError: no trial is complete. Raised after everything else is printed.
    """
    trials, metric = found.trials, found.trials.settings.search.metric
    running = found.counts.get("running", 0) + found.counts.get("waiting", 0)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(found.counts.items()))
    print(f"{sum(found.counts.values())} of {trials.settings.search.trials} trials: {counts}.")
    if running:
        print("Other processes train the running trials. If those processes have ended, repeat the command.")
    for number, trial in enumerate(trials.all()):
        if error_of(trial):
            print(f"Trial {number} failed: {error_of(trial)}")
    ranked = ranking(trials)
    if not ranked:
        if running:
            return
        raise UserError(f"No trial of {trials.folder} is complete, so there is no best trial.")
    Console(soft_wrap=True).print(as_rich(table_of(trials, ranked)))
    shares = ", ".join(f"{key} {share:.0%}" for key, share in importances(trials).items())
    if shares:
        print(f"Importance of the ranges, roughly estimated from {len(ranked)} complete trials: {shares}")
    number, best = ranked[0]
    folder = trials.folder_of(number)
    overrides = [*trials.settings.overrides, *(override(key, text) for key, text in values_of(best).items())]
    print(f"Best run     {folder}  ({metric} {formatted(best.value, metric)})")
    trust = trust_needed(Run(folder).config(trust=True))
    print(f"Evaluate it  {command_line('evaluate.py', override('run', str(folder)), *trust)}")
    print(f"Train it     {command_line('train.py', *overrides)}")
    print(f"Look at all  tensorboard --logdir {quote(str(trials.folder))}")


def table_of(trials: Trials, ranked: list[tuple[int, "FrozenTrial"]]) -> Table:
    """A table of the best trials, one row per trial."""
    metric = trials.settings.search.metric
    keys = [range_.key for range_ in trials.settings.ranges]
    rows = []
    for number, trial in ranked[:MOST_ROWS]:
        record = Run(trials.folder_of(number)).metrics()
        numbers = [formatted(trial.value, metric), str(record.get("epochs", ""))]
        row = [str(number), *values_of(trial).values(), *numbers, duration(seconds_of(record))]
        rows.append([*map(Cell, row)])
    header = ["trial", *keys, metric.replace("/", " "), "epochs", "time"]
    return Table(f"Ranked by {metric} of each trial's best checkpoint", header, rows, keys=1 + len(keys))
