"""Several processes that train one run: how they start, and what the first one shares with the others.

The first process makes the run folder, writes and prints. The others only compute. Lightning, or torchrun,
ends all of them if one fails.
"""

import os
import signal
import sys
import threading
from typing import TypeVar

import torch
import torch.distributed as dist
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import Strategy
from torch import nn

from jlml.config import Config, make
from jlml.distributed.orphans import end_with_parent
from jlml.distributed.shares import SharedDDP
from jlml.errors import UserError, first_line

T = TypeVar("T")

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def init_processes(config: Config, model: nn.Module) -> bool:
    """Starts the other processes of a run, if it has any, and connects all of them.

    Lightning knows who starts processes here: itself, torchrun or Slurm. It is asked through a trainer that
    is not the run's, because the run's needs the run folder, which only the first process makes.

    Returns:
        Whether this process is the first.

    Raises:
        UserError: there are not as many devices or processes as the config says, or batch norm would see
            the share of each process alone.
    """
    if not is_distributed(config):
        return True
    strategy = make(config["trainer"], "trainer", logger=False).strategy
    on_cpu, several = strategy.root_device.type == "cpu", strategy.world_size > 1
    if on_cpu and several and any(isinstance(module, BATCH_NORMS) for module in model.modules()):
        raise UserError(
            f"{config['model']['_target_']} has batch norm, which torch cannot share among processes on the "
            "CPU. Use trainer.accelerator=gpu, trainer=default, or a model without it."
        )
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no C++ stack trace when the first process is gone
    try:
        strategy.launcher.launch(strategy.setup_environment)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The processes of trainer=ddp cannot connect: {first_line(error)}.") from error
    if strategy.local_rank > 0:
        end_with_parent()
    # the processes share the images, not the noise that is drawn for them
    torch.manual_seed(config["seed"] + strategy.global_rank)
    return strategy.is_global_zero


def is_distributed(config: Config) -> bool:
    """Whether the run has several processes."""
    return config["trainer"].get("strategy") == "ddp"


def strategy_of(config: Config) -> str | Strategy:
    """The trainer's strategy."""
    return SharedDDP() if is_distributed(config) else "auto"


def worker_callbacks(config: Config) -> list[Callback]:
    """What the processes of a run need besides its own callbacks."""
    return [Termination()] if is_distributed(config) else []


def broadcast_from_rank_zero(value: T) -> T:
    """The first process's value, in all processes."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values)
    return values[0]


class Termination(Callback):
    """SIGTERM ends a run of several processes at once.

    Lightning's own handler waits for an exchange with the others, which have received no signal: forever.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # here, because Lightning sets its own handler just before, and restores what was there afterwards
        if threading.current_thread() is threading.main_thread():  # Python allows no other thread
            signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped by SIGTERM."))

    on_validation_start = on_test_start = on_train_start
