"""Several processes that train one model: how they meet, who speaks, and that none is left waiting.

The first process makes the run folder, writes and prints; the others only compute. What fails in one ends
all of them, and the first says why.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch.distributed as dist
from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from jlml.config import Config, make
from jlml.errors import UserError, gist
from jlml.hardware import of_lightning
from jlml.orphans import end_with_parent

P = ParamSpec("P")
T = TypeVar("T")

FAILURE = "jlml/failure"  # in the store of all processes: the words of the first one to fail


def meet(config: Config, model: nn.Module) -> bool:
    """Starts the other processes of a run, if it has any, and connects them all.

    Lightning knows who starts processes here: itself, torchrun, SLURM. The trainer that it is asked through
    is not the run's, which needs the run's folder, which only one of the processes makes.

    Returns:
        Whether this process is the first.

    Raises:
        UserError: there are not as many devices or processes as the config says, or batch norm would judge
            every process's part of a batch on its own.
    """
    if config["trainer"].get("strategy") != "ddp":
        return True
    strategy = make(of_lightning(config["trainer"]), "trainer", logger=False).strategy
    on_cpu, several = strategy.root_device.type == "cpu", strategy.world_size > 1
    if on_cpu and several and any(isinstance(module, _BatchNorm) for module in model.modules()):
        raise UserError(
            f"{config['model']['_target_']} has batch norm, which torch cannot share among processes on the "
            "CPU. Use trainer.accelerator=gpu, trainer=default, or a model without it."
        )
    # Lightning would set the random numbers back to it, and one process alone goes on from where they are
    os.environ.pop("PL_GLOBAL_SEED", None)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no stack of C++ when the first process is gone
    try:
        strategy.launcher.launch(strategy.setup_environment)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The processes of trainer=ddp do not come together: {gist(error)}.") from error
    if strategy.local_rank > 0:
        end_with_parent()
    return strategy.is_global_zero


class Termination(Callback):
    """SIGTERM ends a run in several processes, as it does in one.

    Lightning's own handler waits for an exchange with the others, who know of no signal: forever.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # here, as Lightning sets its own just before; it puts back what was there after
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread do this
            signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended by SIGTERM."))

    on_validation_start = on_test_start = on_train_start


def of_first(value: T | None) -> T:
    """The first process's value, told to the others, who have none."""
    told = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(told)
    assert told[0] is not None
    return told[0]


@contextmanager
def another_blamed() -> Iterator[None]:
    """Tells the first process what really happened when it loses its connection to one that failed."""
    try:
        yield
    except Exception as error:
        if not dist.is_initialized() or isinstance(error, UserError):
            raise
        if store().check([FAILURE]):
            raise UserError(store().get(FAILURE).decode()) from error
        if "by peer" in str(error):  # gloo's words for a connection that is gone
            raise UserError(
                "Another process of this run has ended without a word. Perhaps its memory was not enough."
            ) from error
        raise


def one_fate(train: Callable[P, T]) -> Callable[P, T]:
    """A failure in any process of a run ends all; the first raises it, the others leave without an error.

    Without one, because Lightning kills the first, before it can write or say anything, when a process that
    it started ends with an error. That a process has left, the first notices at the next exchange.
    """

    @wraps(train)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return train(*args, **kwargs)
        except BaseException as error:
            if not dist.is_initialized():
                raise
            came_first = announce(error)
            if dist.get_rank() == 0:
                raise
            if came_first and isinstance(error, Exception) and not isinstance(error, UserError):
                traceback.print_exception(error)
            raise SystemExit(0) from error

    return guarded


def announce(error: BaseException) -> bool:
    """Tells the other processes of a failure; returns whether it is the first."""
    words = f"Process {dist.get_rank() + 1} of {dist.get_world_size()} has failed: {gist(error)}."
    try:
        return store().compare_set(FAILURE, "", words).decode() == words
    except RuntimeError:  # the store is gone with the first process
        return False


def store() -> Any:
    """The few words that the processes share besides tensors; it lives in the first."""
    return dist.distributed_c10d._get_default_store()
