"""Starts and connects the processes of a run.

Rank zero creates the run folder, writes and prints. The other processes only compute. If one process fails,
Lightning or torchrun ends all of them.
"""

import os
import signal
import threading
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import Strategy
from torch import nn

from jlml.config import Config, make
from jlml.distributed.orphans import as_parent, end_with_parent
from jlml.distributed.shares import SharedDDP
from jlml.errors import Stopped, UserError, first_line

T = TypeVar("T")

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def init_processes(config: Config, model: nn.Module) -> bool:
    """Starts the other processes of a run, if it has any, and connects them.

    Lightning finds out who starts processes: itself, torchrun or Slurm. This uses a temporary trainer: the
    run's own trainer needs the run folder, which only rank zero creates.

    Returns:
        Whether this process has rank zero.

    Raises:
        UserError: the number of devices or processes does not match the config, or the model has batch norm
            on the CPU, where it would see only the share of its own process.
    """
    if not is_distributed(config):
        return True
    end_with_parent()  # if a script called `train`; a command has done it at its start
    strategy = make(config["trainer"], "trainer", logger=False).strategy
    on_cpu, several = strategy.root_device.type == "cpu", strategy.world_size > 1
    if on_cpu and several and any(isinstance(module, BATCH_NORMS) for module in model.modules()):
        raise UserError(
            f"{config['model']['_target_']} has batch norm, which torch cannot synchronise between processes "
            "on the CPU. Use trainer.accelerator=gpu, trainer=default, or a model without batch norm."
        )
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no C++ stack trace when rank zero ends
    try:
        with as_parent():
            strategy.launcher.launch(strategy.setup_environment)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The processes of trainer=ddp cannot connect: {first_line(error)}.") from error
    # every process draws different noise for its share of the images
    torch.manual_seed(config["seed"] + strategy.global_rank)
    return strategy.is_global_zero


def is_distributed(config: Config) -> bool:
    """Whether the run uses several processes."""
    return config["trainer"].get("strategy") == "ddp"


def strategy_of(config: Config) -> str | Strategy:
    """The strategy for the trainer of a run."""
    return SharedDDP() if is_distributed(config) else "auto"


def worker_callbacks(config: Config) -> list[Callback]:
    """Additional callbacks for a run with several processes."""
    return [Termination()] if is_distributed(config) else []


def broadcast_from_rank_zero(value: T) -> T:
    """Returns rank zero's value in all processes."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values)
    return values[0]


def end_now(number: int, frame: Any) -> None:
    """Handles a signal by ending the process."""
    raise Stopped(f"Stopped by {signal.Signals(number).name}.", number)


class Termination(Callback):
    """Makes SIGTERM end a run with several processes immediately.

    Lightning's own handler would wait forever to synchronise with the processes that received no signal.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # not earlier, because Lightning has just set its own handler; it restores the old one at the end
        if threading.current_thread() is threading.main_thread():  # Python sets handlers only there
            signal.signal(signal.SIGTERM, end_now)

    on_validation_start = on_test_start = on_train_start
