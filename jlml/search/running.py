"""Runs a search, step by step, from its config to its result."""

import sys
from dataclasses import replace
from functools import partial

import optuna
from omegaconf import DictConfig
from optuna.exceptions import StorageInternalError

from jlml.config import sentence_for
from jlml.errors import Stopped, UserError, reason_of
from jlml.runs import Run, build_data
from jlml.search.corners import check_corners
from jlml.search.progress import announce, report_trial
from jlml.search.pruning import Pruning
from jlml.search.results import Found, record_results, record_search
from jlml.search.settings import Settings
from jlml.search.trials import Trials
from jlml.speed.hardware import check_device
from jlml.training.build import record_data
from jlml.training.quiet import silence_lightning
from jlml.training.record import Pruned
from jlml.training.terminal import EpochLines
from jlml.training.train import train


def search(cfg: DictConfig) -> Found:
    """Trains trials until the search has the requested number.

    All processes with the same config work on the same search, in parallel or one after another.

    Args:
        cfg: composed config with a choice of the group `search`.

    Raises:
        UserError: the config is invalid, before anything is trained; or the storage cannot be reached.
    """
    silence_lightning()
    settings = prepared(Settings.of(cfg))
    trials = Trials(settings)
    record_search(trials)
    announce(trials)
    try:
        while trials.train_next(partial(train_trial, trials), partial(report_trial, trials)):
            record_results(trials)
    except (KeyboardInterrupt, SystemExit) as end:
        raise Stopped.after(
            end, f"Interrupted. The same command resumes the search, in {trials.folder}."
        ) from None
    except StorageInternalError as error:
        raise UserError(
            f"search.storage cannot be reached ({type(error).__name__}). The same command resumes the search."
        ) from None
    record_results(trials)
    return Found.of(trials)


def prepared(settings: Settings) -> Settings:
    """Loads the data and checks the extremes of all ranges. Returns the settings for the loaded data.

    Raises:
        UserError: the data are missing, or a range is invalid.
    """
    check_device(settings.config)
    data = build_data(settings.config)
    data.setup()
    if settings.config["data"]["name"] not in (None, data.source.name):
        # the fallback was used: use it for all trials, even if the data become available later
        settings.config["data"] |= {"fallback": False}
        overrides = (*settings.overrides, f"data.name={data.source.name}", "data.fallback=false")
        settings = replace(settings, overrides=overrides)
    record_data(settings.config, data)
    check_corners(settings, data.image_shape)
    return settings


def train_trial(trials: Trials, trial: optuna.Trial, number: int) -> float:
    """Trains a trial, or resumes it from its last checkpoint, and returns its metric.

    Raises:
        optuna.TrialPruned: the trial was pruned.
        Exception: the trial failed. Other values may still succeed.
    """
    settings = trials.settings
    bar = [EpochLines()] if sys.stdout.isatty() else []
    try:
        values = {range_.key: range_.suggest(trial) for range_ in settings.ranges}
        trial.set_user_attr("values", values)
        trained = train(
            settings.compose(values),
            run=Run.at(trials.folder_of(number)),
            progress=[Pruning(trial, settings.search.metric), *bar],
        )
    except Pruned as pruned:
        raise optuna.TrialPruned from pruned
    except (KeyboardInterrupt, SystemExit) as end:  # Optuna would record KeyboardInterrupt as a failure
        interruptions = trial.user_attrs.get("interruptions", 0)
        trial.set_user_attr("interruptions", interruptions + 1)
        raise Stopped.after(end, str(end)) from end
    except Exception as error:
        trial.set_user_attr("error", sentence_for(error) or reason_of(error))
        raise
    return trained.metrics[settings.search.metric]
