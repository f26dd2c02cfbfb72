"""The results of a search so far, and the files that record them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from jlml.comparison.csv_text import as_csv
from jlml.files import write_atomically
from jlml.runs import Run
from jlml.search.settings import MAY_CHANGE
from jlml.search.storage import ATTEMPTS, earlier_attempts
from jlml.search.trials import Trials

ENOUGH = 10  # smallest number of complete trials for an estimate of importances
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Found:
    """The results of a search when this process has no trial left to train.

    Args:
        trials: trials of the search.
        best: run of the best complete trial; None if no trial is complete.
        value: metric of the best trial.
        counts: number of trials in each state: complete, pruned, failed, running, waiting.
    """

    trials: Trials
    best: Run | None
    value: float | None
    counts: dict[str, int]

    @classmethod
    def of(cls, trials: Trials) -> "Found":
        """The present results of the trials."""
        counts = dict(Counter(STATES[trial.state] for trial in trials.all()))
        ranked = ranking(trials)
        if not ranked:
            return cls(trials, None, None, counts)
        number, best = ranked[0]
        return cls(trials, Run(trials.folder_of(number)), best.value, counts)


def ranking(trials: Trials) -> list[tuple[int, FrozenTrial]]:
    """The complete trials with their numbers, the best first."""
    complete = [(n, trial) for n, trial in enumerate(trials.all()) if trial.state == TrialState.COMPLETE]
    sign = 1 if trials.settings.search.direction == "minimize" else -1
    return sorted(complete, key=lambda pair: sign * (pair[1].value or 0.0))


def importances(trials: Trials) -> dict[str, float]:
    """The fraction of the metric's variance that each range explains; empty if it cannot be estimated."""
    if len(ranking(trials)) < ENOUGH or len(trials.settings.ranges) < 2:
        return {}
    try:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        return optuna.importance.get_param_importances(trials.study, evaluator=evaluator)
    except (ValueError, RuntimeError, ImportError):  # for example if all trials have the same value
        return {}


def values_of(trial: FrozenTrial) -> dict[str, str]:
    """The values of a trial, by key; empty if its process was killed before they were proposed."""
    return trial.user_attrs.get("values", {})


def seconds_of(record: Mapping[str, Any]) -> float:
    """The duration of a trial, given its metrics.json."""
    return float(record.get("fit_seconds", record.get("wall_seconds", 0)))


def error_of(trial: FrozenTrial) -> str:
    """The reason why a trial failed; empty if it did not fail."""
    if trial.state != TrialState.FAIL:
        return ""
    return trial.user_attrs.get(
        "error", f"its process was killed {ATTEMPTS} times, perhaps for lack of memory"
    )


def record_search(trials: Trials) -> None:
    """Writes `search.yaml` for readers. Omits the URL of the storage, which may contain a password."""
    settings = trials.settings
    content = {
        "name": settings.name,
        "trials": settings.search.trials,
        "overrides": list(settings.overrides),
        **settings.search.model_dump(exclude=set(MAY_CHANGE)),
    }
    with trials.lock():
        write_atomically(trials.folder / "search.yaml", OmegaConf.to_yaml(OmegaConf.create(content)))


def record_results(trials: Trials) -> None:
    """Writes `results.csv` with one row per trial, sorted by number."""
    keys = [range_.key for range_ in trials.settings.ranges]
    metric = trials.settings.search.metric
    header = ["trial", "state", metric, "epochs", "seconds", "attempts", *keys, "run", "error"]
    with trials.lock():
        write_atomically(trials.folder / "results.csv", as_csv(header, list(rows_of(trials))))


def rows_of(trials: Trials) -> Iterator[dict[str, Any]]:
    """The rows of `results.csv`, one per trial."""
    for number, trial in enumerate(trials.all()):
        folder = trials.folder_of(number)
        record = Run(folder).metrics()
        yield {
            "trial": number,
            "state": STATES[trial.state],
            trials.settings.search.metric: trial.value,
            "epochs": record.get("epochs"),
            "seconds": seconds_of(record) or None,
            "attempts": len(earlier_attempts(trial)) + 1,
            **values_of(trial),
            "run": folder,
            "error": error_of(trial),
        }
