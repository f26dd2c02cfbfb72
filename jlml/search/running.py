"""A search from its config to its result, in a straight line."""

import sys
import time
from contextlib import suppress
from dataclasses import replace

import optuna
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState

from jlml.config import sentence
from jlml.errors import UserError, first_line
from jlml.runs import Run, build_data
from jlml.search.corners import check_corners
from jlml.search.pruning import Pruning
from jlml.search.results import Found, announce, record_results, record_search, report_trial
from jlml.search.settings import Settings
from jlml.search.storage import beating
from jlml.search.trials import Claim, Trials
from jlml.speed.hardware import check_device
from jlml.training.progress import ProgressBar
from jlml.training.quiet import quieten
from jlml.training.record import Pruned
from jlml.training.train import train


def search(cfg: DictConfig) -> Found:
    """Trains trial after trial until the search has as many as it asks for, and says what was found.

    Every process that is given the same config works on the same search, at once or one after another.

    Args:
        cfg: with a choice of the group `search`.

    Raises:
        UserError: the config is not right, before anything is trained; or the storage is lost.
    """
    quieten()
    settings = prepared(Settings.of(cfg))
    trials = Trials(settings)
    try:
        record_search(trials)
        announce(trials)
        while True:
            with trials.next() as claim:
                if claim is None:
                    record_results(trials)
                    return Found.of(trials)
                run_trial(trials, claim)
    except (KeyboardInterrupt, SystemExit):
        sys.exit(f"Interrupted. The same command goes on with the search, in {trials.folder}.")
    except StorageInternalError as error:
        raise UserError(
            f"The storage of the search is out of reach ({type(error).__name__}). The same command goes on."
        ) from None


def prepared(settings: Settings) -> Settings:
    """The settings, once their data are there and every end of their ranges is possible.

    Raises:
        UserError: something is not.
    """
    check_device(settings.config)
    data = build_data(settings.config)
    data.setup()
    if data.source.name != settings.config["data"]["name"]:
        # the fallback stands in: for all trials, whatever later ones would find
        settings.config["data"] |= {"name": data.source.name, "fallback": False}
        words = (*settings.words, f"data.name={data.source.name}", "data.fallback=false")
        settings = replace(settings, words=words)
    check_corners(settings, data.image_shape)
    return settings


def run_trial(trials: Trials, claim: Claim) -> None:
    """Trains a trial, or what is left of it, and tells the others how it went."""
    started = time.perf_counter()
    trial, settings = claim.trial, trials.settings
    state, value, error = TrialState.FAIL, None, None
    with beating(trials.study._storage, trial._trial_id):
        values = {range_.key: range_.ask(trial) for range_ in settings.ranges}
        trial.set_user_attr("values", values)
        try:
            run = Run.at(claim.folder)
            progress = [Pruning(trial, settings.metric)]
            bar = [ProgressBar()] if sys.stdout.isatty() else []
            trained = train(settings.compose(values), run=run, progress=[*progress, *bar])
            state, value = TrialState.COMPLETE, trained.metrics[settings.metric]
        except Pruned:
            state = TrialState.PRUNED
        except StorageInternalError:
            raise
        except (UserError, HydraException, OmegaConfBaseException) as failure:
            error = sentence(failure)
        except Exception as failure:  # of one set of values, perhaps: others may do well
            error = f"{type(failure).__name__}: {first_line(failure)}"
        with suppress(UpdateFinishedTrialError):  # given up as lost meanwhile
            finish(trials, trial, state, value, error, time.perf_counter() - started)
    report_trial(trials, trial.number, claim.resumed)
    record_results(trials)


def finish(
    trials: Trials,
    trial: optuna.Trial,
    state: TrialState,
    value: float | None,
    error: str | None,
    seconds: float,
) -> None:
    """Writes down what came of a trial."""
    record = Run(trials.folder_of(trial.number)).metrics()
    trial.set_user_attr("seconds", record.get("fit_seconds", seconds))
    trial.set_user_attr("epochs", record.get("epochs", 0))
    if error is not None:
        trial.set_user_attr("error", error)
    trials.study.tell(trial, value, state, skip_if_finished=True)
