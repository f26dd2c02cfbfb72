"""Applies the config group `speed` while a model is trained."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from lightning import Trainer

from jlml.config import Config
from jlml.models import Autoencoder
from jlml.speed.hardware import on_gpu
from jlml.speed.loop import StepLoop
from jlml.speed.memory import keep_freed_memory
from jlml.speed.onednn import onednn_layers


@contextmanager
def faster(trainer: Trainer, model: Autoencoder, config: Config) -> Iterator[None]:
    """Makes the trainer train the model with the options of the config group `speed`."""
    speed, options = config["speed"], config["trainer"]
    in_float32 = options.get("precision", "32-true") == "32-true"
    with ExitStack() as stack:
        if speed["loop"] and trainer.world_size == 1:
            trainer.fit_loop.epoch_loop = StepLoop(trainer, speed["compile"], speed["cuda_graphs"])
            keep_freed_memory()
            # In deterministic mode torch fills new memory with NaN, which takes a few percent of a small
            # network's step. jlml never reads memory that it has not written.
            stack.enter_context(without_filled_memory())
        if speed["onednn"] and in_float32 and not on_gpu(options):
            stack.enter_context(onednn_layers(model, config["data"]["batch_size"]))
        yield


@contextmanager
def without_filled_memory() -> Iterator[None]:
    """Stops torch's deterministic mode from filling new memory."""
    deterministic: Any = torch.utils.deterministic
    before = deterministic.fill_uninitialized_memory
    deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        deterministic.fill_uninitialized_memory = before
