"""A search from its config to its result, in a straight line."""

import sys
from dataclasses import replace
from functools import partial

import optuna
from omegaconf import DictConfig
from optuna.exceptions import StorageInternalError

from jlml.config import sentence_for
from jlml.errors import UserError, reason_of
from jlml.runs import Run, build_data
from jlml.search.corners import check_corners
from jlml.search.progress import announce, report_trial
from jlml.search.pruning import Pruning
from jlml.search.results import Found, record_results, record_search
from jlml.search.settings import Settings
from jlml.search.trials import Trials
from jlml.speed.hardware import check_device
from jlml.training.progress import ProgressBar
from jlml.training.quiet import silence_lightning
from jlml.training.record import Pruned
from jlml.training.train import train


def search(cfg: DictConfig) -> Found:
    """Trains trial after trial until the search has as many as it asks for.

    Every process that is given the same config works on the same search, at once or one after another.

    Args:
        cfg: with a choice of the group `search`.

    Raises:
        UserError: the config is invalid, before anything is trained; or the storage is lost.
    """
    silence_lightning()
    settings = prepared(Settings.of(cfg))
    trials = Trials(settings)
    record_search(trials)
    announce(trials)
    try:
        while trials.train_next(partial(train_trial, trials), partial(report_trial, trials)):
            record_results(trials)
    except (KeyboardInterrupt, SystemExit):
        sys.exit(f"Interrupted. The same command resumes the search, in {trials.folder}.")
    except StorageInternalError as error:
        raise UserError(
            f"search.storage is out of reach ({type(error).__name__}). The same command resumes the search."
        ) from None
    record_results(trials)
    return Found.of(trials)


def prepared(settings: Settings) -> Settings:
    """The settings, once their data are there and the extremes of their ranges are valid.

    Raises:
        UserError: something is not.
    """
    check_device(settings.config)
    data = build_data(settings.config)
    data.setup()
    if data.source.name != settings.config["data"]["name"]:
        # the fallback stands in: for all trials, whatever later ones would find
        settings.config["data"] |= {"name": data.source.name, "fallback": False}
        overrides = (*settings.overrides, f"data.name={data.source.name}", "data.fallback=false")
        settings = replace(settings, overrides=overrides)
    check_corners(settings, data.image_shape)
    return settings


def train_trial(trials: Trials, trial: optuna.Trial, number: int) -> float:
    """The metric of a trial, which is trained, or resumed from its last checkpoint.

    Raises:
        optuna.TrialPruned: it is not worth more time.
        Exception: it failed. Other values may do well.
    """
    settings = trials.settings
    bar = [ProgressBar()] if sys.stdout.isatty() else []
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
    except (KeyboardInterrupt, SystemExit) as end:  # Optuna would record the former as a failure
        interruptions = trial.user_attrs.get("interruptions", 0)
        trial.set_user_attr("interruptions", interruptions + 1)
        raise SystemExit from end
    except Exception as error:
        trial.set_user_attr("error", sentence_for(error) or reason_of(error))
        raise
    return trained.metrics[settings.search.metric]
