"""Prints the progress of a search: one line per trial."""

from optuna.trial import FrozenTrial, TrialState

from jlml.comparison.quantities import formatted
from jlml.runs import Run
from jlml.search.results import error_of, ranking, seconds_of, values_of
from jlml.search.storage import earlier_attempts
from jlml.search.trials import Trials
from jlml.training.words import duration


def announce(trials: Trials) -> None:
    """Prints the folder, the progress and the metric of a search at its start."""
    done = sum(trial.state.is_finished() for trial in trials.all())
    search = trials.settings.search
    print(
        f"Search {trials.folder}: {done} of {search.trials} trials done, {search.direction} {search.metric}",
        flush=True,
    )


def report_trial(trials: Trials, trial: FrozenTrial, number: int) -> None:
    """Prints one line about a trial that has ended, with the best value so far."""
    metric = trials.settings.search.metric
    record = Run(trials.folder_of(number)).metrics()
    value = f"{metric.replace('/', ' ')} {formatted(trial.value, metric)}"
    outcome = {
        TrialState.COMPLETE: value,
        TrialState.PRUNED: f"pruned after epoch {record.get('epochs')}, {value}",
        TrialState.FAIL: f"failed: {error_of(trial)}",
    }[trial.state]
    ranked = ranking(trials)
    best = (
        f"best {formatted(ranked[0][1].value, metric)} (trial {ranked[0][0]})" if ranked else "none complete"
    )
    values = " ".join(f"{key}={value}" for key, value in values_of(trial).items())
    resumed = ", resumed" if earlier_attempts(trial) else ""
    took = duration(seconds_of(record))
    print(f"Trial {number}{resumed}: {values}  {outcome}  {best}  {took}", flush=True)
