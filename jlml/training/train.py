"""Trains one run, step by step, from its config to its run folder.

A first reader can skip what comes from `jlml.speed` and `jlml.distributed`: the weights are the same without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning import Callback, Trainer
from omegaconf import DictConfig

from jlml.config import Config
from jlml.data import ImageDataModule
from jlml.distributed.processes import init_processes
from jlml.loggers import Guarded, errors_once
from jlml.models import Autoencoder
from jlml.runs import Run
from jlml.speed.denormals import flushed_denormals
from jlml.speed.faster import faster
from jlml.speed.hardware import check_device, within_hardware
from jlml.training.assemble import (
    check_nll,
    check_optimizers,
    make_callbacks,
    make_history,
    make_loggers,
    make_trainer,
    speed_of,
)
from jlml.training.build import build_from, run_config
from jlml.training.history import History
from jlml.training.quiet import silence_lightning
from jlml.training.record import hyperparameters, recorded, run_folder
from jlml.training.restore import check_state
from jlml.training.terminal import EpochLines


@dataclass(frozen=True)
class Trained:
    """The result of a training run. The model has the weights of the best checkpoint."""

    run: Run
    config: Config
    model: Autoencoder
    data: ImageDataModule
    trainer: Trainer
    metrics: dict[str, float]


def train(
    *config: DictConfig | str,
    parent: Path | None = None,
    run: Run | None = None,
    progress: Sequence[Callback] | None = None,
) -> Trained:
    """Trains the model of a config, tests its best checkpoint, and writes a run folder.

    Args:
        config: a composed config, or overrides such as ``"model=vae", "loss=bce"``.
        parent: folder for the new run folder; ``output_dir`` of the config by default.
        run: run folder to use instead of a new one. If it holds an interrupted run of this config, training
            resumes from its last checkpoint.
        progress: callbacks that report progress; a line per epoch and a bar by default.

    Raises:
        UserError: the config or the data are invalid, and nothing is written; or training diverges, or a file
            cannot be written, and what was saved before is intact.
    """
    silence_lightning()
    checked = run_config(*config)
    check_device(checked)
    checked = within_hardware(checked)
    with flushed_denormals(checked["speed"]["flush_denormals"]):
        return train_checked(checked, parent, run, [EpochLines()] if progress is None else progress)


def train_checked(
    config: Config, parent: Path | None, existing: Run | None, progress: Sequence[Callback]
) -> Trained:
    """Trains a config that is checked and adapted to this machine. See `train`."""
    model, data = build_from(config)
    check_optimizers(model)
    check_nll(model)
    callbacks = [*make_callbacks(config), *progress]
    is_first = init_processes(config, model)  # rank zero: the only process that writes and prints
    with run_folder(config, model, parent, existing, is_first) as (run, last):
        loggers: list[Guarded | History] = []
        if is_first:
            loggers = [*make_loggers(config, run, last), make_history(run, last)]
        trainer = make_trainer(config, run, loggers, callbacks)
        if last is not None:
            check_state(last, model, trainer)
        with (
            recorded(run, config, data.source.fingerprint, is_first) as record,  # becomes metrics.json
            errors_once(),
            faster(trainer, model, config),
        ):
            for logger in loggers:
                logger.log_hyperparams(hyperparameters(config))
            trainer.fit(model, data, ckpt_path=last)
            record |= speed_of(trainer)
            steps = trainer.global_step
            trainer.loggers = []  # metrics of the best checkpoint do not belong to the last step
            best = run.checkpoint("best")
            (validated,) = trainer.validate(model, data, ckpt_path=best, verbose=False)
            (tested,) = trainer.test(model, data, ckpt_path=best, verbose=False)
            metrics = record["metrics"] = {**validated, **tested}
            for logger in loggers:
                logger.conclude(tested, steps)
    return Trained(run, config, model.eval(), data, trainer, metrics)
