"""What a search has found: a table in its folder, lines and a summary in the terminal."""

import csv
import io
import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jlml.config import command_line as command
from jlml.config import override as word
from jlml.errors import UserError
from jlml.files import write_atomically
from jlml.runs import Run
from jlml.search.settings import IN_PASSING
from jlml.search.trials import Trials

MOST_ROWS = 10
ENOUGH_TO_WEIGH = 10  # complete trials: of fewer, a guess at what matters is worth nothing
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Found:
    """The state of a search, when this process has nothing left to do for it.

    Args:
        trials: of the search.
        best: the run of the best complete trial; None while there is none, or where its folder is on
            another machine.
        value: its metric.
        counts: how many trials are complete, pruned, failed, running.
    """

    trials: Trials
    best: Run | None
    value: float | None
    counts: dict[str, int]

    @classmethod
    def of(cls, trials: Trials) -> "Found":
        """What there is at this moment."""
        ranked = ranking(trials)
        counts = Counter(STATES[trial.state] for trial in trials.all())
        if not ranked:
            return cls(trials, None, None, dict(counts))
        folder = trials.folder_of(ranked[0].number)
        return cls(trials, Run(folder) if folder.is_dir() else None, ranked[0].value, dict(counts))


def ranking(trials: Trials) -> list[FrozenTrial]:
    """The complete trials, the best first."""
    complete = [trial for trial in trials.all() if trial.state == TrialState.COMPLETE]
    sign = 1 if trials.settings.direction == "minimize" else -1
    return sorted(complete, key=lambda trial: sign * (trial.value or 0.0))


def record_search(trials: Trials) -> None:
    """Writes `search.yaml`, for people. Where the storage is stays out of it: the URL may hold a password."""
    settings = trials.settings
    content = {
        "name": settings.folder_name,
        "trials": settings.trials,
        "words": list(settings.words),
        **{key: value for key, value in settings.node.items() if key not in IN_PASSING},
    }
    with trials.alone():
        write_atomically(trials.folder / "search.yaml", OmegaConf.to_yaml(OmegaConf.create(content)))


def record_results(trials: Trials) -> None:
    """Writes `results.csv`: a row a trial, by number."""
    metric, keys = trials.settings.metric, [range_.key for range_ in trials.settings.ranges]
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["trial", "state", metric, "epochs", "seconds", "attempts", *keys, "run", "error"])
    with trials.alone():
        for trial in trials.all():
            notes = trial.user_attrs
            values = notes.get("values", {})
            table.writerow(
                [
                    *(trial.number, STATES[trial.state], "" if trial.value is None else trial.value),
                    *(notes.get("epochs", ""), f"{notes['seconds']:.1f}" if "seconds" in notes else ""),
                    *(notes.get("attempts", ""), *(values.get(key, "") for key in keys)),
                    *(place_of(trials, trial), notes.get("error", "")),
                ]
            )
        write_atomically(trials.folder / "results.csv", file.getvalue())


def place_of(trials: Trials, trial: FrozenTrial) -> str:
    """Where the run of a trial is: a folder, or a machine with a folder."""
    if trial.user_attrs.get("home", trials.home) == trials.home:
        return str(trials.folder_of(trial.number))
    return str(trial.user_attrs["place"])


def announce(trials: Trials) -> None:
    """Says what is about to happen."""
    done = sum(trial.state.is_finished() for trial in trials.all())
    settings = trials.settings
    goal = f"{settings.direction} {settings.metric}"
    say(f"Search {trials.folder}: {done} of {settings.trials} trials done, {goal}")


def report_trial(trials: Trials, number: int, resumed: bool) -> None:
    """One line on a trial that has ended, and the best one so far."""
    (trial,) = (t for t in trials.study.get_trials(deepcopy=False) if t.number == number)
    notes, metric = trial.user_attrs, trials.settings.metric
    outcome = {
        TrialState.COMPLETE: f"{metric} {written(trial.value, metric)}",
        TrialState.PRUNED: f"pruned at epoch {notes.get('epochs')}, {metric} {written(trial.value, metric)}",
        TrialState.FAIL: f"failed: {notes.get('error', 'given up as lost by another machine')}",
    }[trial.state]
    ranked = ranking(trials)
    best = f"best {written(ranked[0].value, metric)} (trial {ranked[0].number})" if ranked else "no best yet"
    values = " ".join(f"{key}={value}" for key, value in notes.get("values", {}).items())
    again = ", resumed" if resumed else ""
    seconds = f"{notes['seconds']:.0f} s" if "seconds" in notes else ""
    say(f"trial {number}{again}: {values}  {outcome}  {best}  {seconds}".rstrip())


def show_found(found: Found) -> None:
    """The best trials, where the best run is, and how to go on from it.

    Raises:
        UserError: there is no complete trial, after all that can be shown.
    """
    trials = found.trials
    settings, metric = trials.settings, trials.settings.metric
    console = Console(soft_wrap=True)
    running = found.counts.get("running", 0) + found.counts.get("waiting", 0)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(found.counts.items()))
    say(f"{sum(found.counts.values())} of {settings.trials} trials: {counts}.")
    if running:
        say("What runs is another process's. If that has ended, the same command there goes on with it.")
    for trial in trials.all():
        if trial.state == TrialState.FAIL:
            say(f"Trial {trial.number} failed: {trial.user_attrs.get('error', 'its machine fell silent')}")
    ranked = ranking(trials)
    if not ranked:
        if running:
            return
        raise UserError(f"No trial of {trials.folder} was completed, so there is no best one.")
    console.print(table_of(trials, ranked))
    weights = importances(trials)
    if weights:
        shares = ", ".join(f"{key} {weight:.0%}" for key, weight in weights.items())
        say(f"What mattered, as {len(ranked)} complete trials tell, so roughly: {shares}")
    best = ranked[0]
    words = [*settings.words, *(word(key, value) for key, value in best.user_attrs["values"].items())]
    place = place_of(trials, best)
    say(f"Best run     {place}  ({metric} {written(best.value, metric)})")
    if found.best is not None:
        say(f"Evaluate it  {command('evaluate.py', word('run', str(place)))}")
    say(f"Train it     python train.py {shlex.join(words)}")
    say(f"Look at all  tensorboard --logdir {shlex.quote(str(trials.folder))}")


def table_of(trials: Trials, ranked: list[FrozenTrial]) -> Table:
    """The best trials, a row each."""
    metric = trials.settings.metric
    table = Table(title=f"By {metric}, the best checkpoint of each trial", title_justify="left")
    table.add_column("trial", justify="right")
    for range_ in trials.settings.ranges:
        table.add_column(range_.key.replace(".", ".\n"), justify="right")  # narrow, and still whole
    table.add_column(metric, justify="right")
    table.add_column("epochs", justify="right")
    for trial in ranked[:MOST_ROWS]:
        values = [Text(str(value)) for value in trial.user_attrs["values"].values()]
        table.add_row(
            str(trial.number), *values, written(trial.value, metric), str(trial.user_attrs["epochs"])
        )
    return table


def importances(trials: Trials) -> dict[str, float]:
    """How much of the metric's variance each range explains; empty where that cannot be told."""
    complete = ranking(trials)
    if len(complete) < ENOUGH_TO_WEIGH or len(trials.settings.ranges) < 2:
        return {}
    try:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        return optuna.importance.get_param_importances(trials.study, evaluator=evaluator)
    except (ValueError, RuntimeError, ImportError):  # as when all trials have the same value
        return {}


def written(value: Any, metric: str) -> str:
    """A metric to the digits that it is worth."""
    return "nothing" if value is None else f"{value:.5f}" if metric == "val/mse" else f"{value:.2f}"


def say(line: str) -> None:
    """A line as it is, at once: processes share a terminal."""
    print(line, flush=True)
