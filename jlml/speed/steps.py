"""The optimizer step of a model in plain PyTorch, optionally compiled or recorded as a CUDA graph.

`speed.compile` halves the time of a wide network in bf16, but takes half a minute before the first step
(`make bench ARGS="fast"`). `speed.cuda_graphs` avoids launching kernels, which takes longer than a small
network's step on a GPU (`python benchmarks/gpu.py`).
"""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, cast

import torch
from lightning import Trainer
from torch import Tensor

from jlml.models import Autoencoder, Output
from jlml.shapes import Images, PerImage
from jlml.speed.cuda_graphs import CapturedSteps, captured_on_gpu


class Step(NamedTuple):
    """The result of an optimizer step."""

    loss: Tensor  # the mean over the batch
    losses: PerImage
    output: Output


class Steps:
    """Takes optimizer steps with the same arithmetic as Lightning's loop, in the same order.

    Args:
        trainer: trainer with a model and one optimizer.
        compiled: compile the forward pass of a full batch. Other batch sizes and evaluation stay eager,
            because each would take seconds to compile.
        cuda_graphs: on a GPU, record steps as CUDA graphs and replay them.
    """

    def __init__(self, trainer: Trainer, compiled: bool = False, cuda_graphs: bool = False) -> None:
        self._trainer = trainer
        self._model = cast(Autoencoder, trainer.lightning_module)
        (self._optimizer,) = trainer.optimizers
        self._compiled = torch.compile(self._model.forward) if compiled else None
        self._full_batch = 0  # size of the largest batch so far
        self._captured: CapturedSteps[Step] | None = None
        if cuda_graphs and self._model.device.type == "cuda":
            self._captured = captured_on_gpu(self._take, self._optimizer)

    def take(self, images: Images) -> Step:
        """Takes a step on a batch of images."""
        if self._captured is None:
            return self._take(images)
        rates = tuple(group["lr"] for group in self._optimizer.param_groups)
        return self._captured(images, rates)

    def _take(self, images: Images) -> Step:
        model, optimizer, trainer = self._model, self._optimizer, self._trainer
        with self._autocast():
            output = self._forward(images)
            losses = output.loss
            loss = losses.mean()
        optimizer.zero_grad()
        loss.backward()
        if trainer.gradient_clip_val is not None:
            model.configure_gradient_clipping(
                optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm
            )
        optimizer.step()
        return Step(loss.detach(), losses, output)

    def _forward(self, images: Images) -> Output:
        if self._compiled is None:
            return self._model(images)
        self._full_batch = max(self._full_batch, len(images))
        return self._compiled(images) if len(images) == self._full_batch else self._model(images)

    def _autocast(self) -> AbstractContextManager[None]:
        plugin = self._trainer.precision_plugin
        return nullcontext() if plugin.precision == "32-true" else plugin.train_step_context()
