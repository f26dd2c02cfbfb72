"""Creates the Lightning trainer of a run, with its callbacks and its loggers."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger

from jlml.config import Config, locate, make, options_of
from jlml.distributed.processes import strategy_of, worker_callbacks
from jlml.errors import UserError, first_line
from jlml.loggers import Guarded
from jlml.models import Autoencoder
from jlml.pictures import Drawing, PictureCallback
from jlml.runs import Run, step_of
from jlml.training.checkpoints import (
    AtomicCheckpoints,
    BestCheckpoint,
    EpochCheckpoints,
    LastCheckpoint,
    Patience,
)
from jlml.training.divergence import StopWhenDiverged
from jlml.training.history import History
from jlml.training.progress import EpochLoss, Heartbeat, Throughput


def make_callbacks(config: Config) -> list[Any]:
    """Creates the pictures and callbacks that the config names.

    Raises:
        UserError: one of them cannot be created, or its state cannot be stored in a checkpoint.
    """
    nodes = config.get("callbacks") or {}
    callbacks = {f"callbacks.{name}": make(node, f"callbacks.{name}") for name, node in nodes.items()}
    for key, callback in callbacks.items():
        if isinstance(callback, Callback):
            check_state(callback, key)
    return list(callbacks.values())


def make_loggers(config: Config, run: Run, last: Path | None) -> list[Guarded]:
    """Creates the loggers that the config names, none of which can end the run once it trains.

    Args:
        config: config of the run.
        run: run folder to write to.
        last: checkpoint from which the run resumes. TensorBoard hides events after it.

    Raises:
        UserError: one of them cannot be created, for example because its extra is not installed.
    """
    has_events = any(run.path.rglob("events.out.tfevents.*"))
    ours = {
        "save_dir": str(run.path),
        "name": config.get("name") or run.path.name,
        "tags": config.get("tags") or [],
        "note": config.get("note"),
        "purge_step": (0 if last is None else step_of(last) + 1) if has_events else None,
    }
    loggers = []
    for name, node in (config.get("logger") or {}).items():
        key = f"logger.{name}"
        kind = locate(str(node.get("_target_")), key)
        if not (isinstance(kind, type) and issubclass(kind, Logger)):
            raise UserError(f"{key}._target_={node['_target_']} does not derive from Lightning's Logger.")
        options = options_of(kind) or {}
        given = {option: value for option, value in ours.items() if option in options}
        if not kind.__module__.startswith("jlml."):  # another logger takes its options from the config
            given = {"save_dir": given["save_dir"]} if "save_dir" in given.keys() - node.keys() else {}
        try:
            logger = make(node, key, **given)
        except UserError:
            raise
        except Exception as error:  # of any library, for example about a login
            raise UserError(f"{key} cannot start: {first_line(error)}.") from error
        loggers.append(Guarded(logger, key))
    return loggers


def make_history(run: Run, last: Path | None) -> History:
    """The `history.csv` of the run, without the rows after the checkpoint from which it resumes."""
    return History(run.path, -1 if last is None else step_of(last))


def make_trainer(config: Config, run: Run, loggers: Sequence[Logger], callbacks: Sequence[Any]) -> Trainer:
    """Creates Lightning's trainer, with the callbacks of every run and the given ones."""
    drawings = [callback for callback in callbacks if isinstance(callback, Drawing)]
    others = [callback for callback in callbacks if not isinstance(callback, Drawing)]
    folder, patience = run.path / "checkpoints", config.get("early_stopping")
    checkpoints, every = config.get("checkpoints") or {}, config.get("keep_checkpoints_every")
    trainer: Trainer = make(
        {key: value for key, value in config["trainer"].items() if key != "strategy"},
        "trainer",
        strategy=strategy_of(config),
        logger=list(loggers),
        callbacks=[
            *(Throughput(), EpochLoss(), Heartbeat(), StopWhenDiverged(), PictureCallback(drawings)),
            *others,
            *worker_callbacks(config),
            *([] if patience is None else [Patience(patience)]),
            *(BestCheckpoint(folder), LastCheckpoint(folder, config, **checkpoints)),
            *([] if every is None else [EpochCheckpoints(run, every)]),
        ],
        plugins=[AtomicCheckpoints(config)],
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in others),
        default_root_dir=str(run.path),
    )
    return trainer


def check_optimizers(model: Autoencoder) -> None:
    """Raises a UserError if optimizer or scheduler reject their options, which needs creating them."""
    try:
        model.configure_optimizers()
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise UserError(f"The optimizer or the scheduler cannot be built: {first_line(error)}.") from error


@torch.no_grad()
def check_nll(model: Autoencoder) -> None:
    """Refuses a loss whose nll is not one number per image, before anything is written.

    Raises:
        UserError: the message has the shape that it returns.
    """
    decoder = getattr(model, "decoder", None)
    if not isinstance(decoder, torch.nn.Module):  # a model that decodes in another way
        return
    name = type(model.loss).__name__
    expected = (
        f"expected one number per image, the sum over its pixels: (2,) for 2 images of {model.image_shape}"
    )
    was_training = model.training
    try:
        logits = model.eval().decoder(torch.zeros(2, model.latent_dim))
        found = model.loss.nll(logits, torch.full((2, *model.image_shape), 0.5))
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{name}.nll fails on 2 images: {first_line(error)}; {expected}.") from error
    finally:
        model.train(was_training)
    if not isinstance(found, torch.Tensor) or found.shape != (2,):
        given = f"the shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else repr(found)
        raise UserError(f"{name}.nll returns {given}, {expected}.")


def check_state(callback: Callback, key: str) -> None:
    """Refuses a callback whose state would make a checkpoint unreadable.

    Raises:
        UserError: the message names the callback.
    """
    content = BytesIO()
    try:
        torch.save(callback.state_dict(), content)
        content.seek(0)
        torch.load(content, weights_only=True)
    except Exception as error:  # pickling can fail in any way
        raise UserError(
            f"{key} has a state that a checkpoint cannot hold ({first_line(error)}). Make its state_dict() "
            "return tensors, numbers, strings, lists and dicts only."
        ) from error


def speed_of(trainer: Trainer) -> dict[str, float | int]:
    """Number of epochs, duration and speed of training, for metrics.json."""
    (throughput,) = (callback for callback in trainer.callbacks if isinstance(callback, Throughput))  # type: ignore[attr-defined]
    return {
        "epochs": trainer.current_epoch,
        "fit_seconds": throughput.fit_seconds,
        "images_per_second": throughput.images / throughput.seconds,
    }
