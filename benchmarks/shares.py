"""Measures where the time of `trainer.fit` and of a training step goes."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch
from lightning import Trainer
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from loops import in_memory, loss_of, prepared
from rows import Row
from training import Terminal

import jlml
from jlml.data import ImageDataModule
from jlml.data.batches import TrainingBatches
from jlml.metrics import RunningMean, common_metrics
from jlml.pictures import PictureCallback
from jlml.runs import build_model
from jlml.speed.loop import COMMON_METRICS_EVERY
from jlml.speed.memory import keep_freed_memory
from jlml.speed.steps import Steps

PARTS = {
    "optimizer steps": (Steps, "take"),
    "validation, with the best checkpoint": (_EvaluationLoop, "run"),
    "last checkpoints": (Trainer, "save_checkpoint"),
    "pictures": (PictureCallback, "_draw"),
}
NETS = {
    "VAE, batch 128": ("model=vae", "latent.dim=20", "trainer.max_epochs=5"),
    "MLP AE, batch 128": ("model=ae", "model.norm=none", "data.image_size=32", "trainer.max_epochs=20"),
}
BLOCK = 50  # steps per turn, equal to the steps per logged point


class Clock:
    """Seconds spent in the methods of each part. A nested call counts for the outer method."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._depth = 0

    def around(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            trainer = getattr(arguments[0], "trainer", None)
            if trainer is not None and trainer.state.fn != "fit":
                return method(*arguments, **options)
            started = perf_counter()
            self._depth += 1
            try:
                return method(*arguments, **options)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.seconds[part] += perf_counter() - started

        return timed


def of_fit(repeats: int) -> Iterator[Row]:
    """The fraction of `trainer.fit` for each part, in percent."""
    for net, overrides in NETS.items():
        shares: dict[str, list[float]] = {part: [] for part in (*PARTS, "the rest: Lightning, logger, bar")}
        for _ in range(repeats):
            clock = Clock()
            with ExitStack() as stack:
                for part, (owner, name) in PARTS.items():
                    stack.enter_context(patch.object(owner, name, clock.around(part, getattr(owner, name))))
                stack.enter_context(redirect_stdout(Terminal()))
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                record = jlml.train(*overrides, "loss=bce", parent=Path(folder)).run.metrics()
            seconds = {**clock.seconds, list(shares)[-1]: record["fit_seconds"] - sum(clock.seconds.values())}
            for part, spent in seconds.items():
                shares[part].append(100 * spent / record["fit_seconds"])
        for part, values in shares.items():
            yield Row(f"{net}: {part}", values, unit="% of fit")


def of_step(repeats: int) -> Iterator[Row]:
    """The cost of each addition of jlml to a bare step. Variants alternate in turns of 50 steps."""
    for net, overrides in NETS.items():
        config, data = prepared((*overrides, "loss=bce"))
        variants = {
            "bare": (steps(config, data), False),
            "+ one loss per image": (steps(config, data, 1), False),
            "+ running means": (steps(config, data, 2), False),
            f"+ common metrics of every {COMMON_METRICS_EVERY}th": (steps(config, data, 3), False),
            "+ batches by seed and epoch": (steps(config, data, 4), False),
            "+ deterministic": (steps(config, data, 4), True),
        }
        torch.utils.deterministic.fill_uninitialized_memory = False
        keep_freed_memory()
        milliseconds: dict[str, list[float]] = {name: [] for name in variants}
        for turn in range(8 * repeats + 1):
            # in random order, because the previous variant affects the processor's cache
            for name, (each, deterministic) in Random(turn).sample([*variants.items()], len(variants)):
                torch.use_deterministic_algorithms(deterministic)
                started = perf_counter()
                for _ in range(BLOCK):
                    next(each)
                if turn:
                    milliseconds[name].append(1000 * (perf_counter() - started) / BLOCK)
        torch.use_deterministic_algorithms(False)
        for name, values in milliseconds.items():
            relative = [a / b for a, b in zip(milliseconds["bare"], values, strict=True)]
            yield Row(f"{net}: {name}", sorted(relative)[len(relative) // 4 : -len(relative) // 4])


def steps(config: dict, data: ImageDataModule, extras: int = 0) -> Iterator[None]:
    """Trains endlessly, with the first ``extras`` additions of jlml."""
    torch.manual_seed(0)
    model = build_model(config, data.image_shape).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    means = RunningMean()
    for _ in count():
        batches = in_memory(data.train_images, data.batch_size)()
        if extras >= 4:
            ours = TrainingBatches(
                data.train_images, data.train_labels, data.batch_size, "grey", 0, lambda: 0
            )
            batches = (images for images, _ in ours)
        for number, images in enumerate(batches):
            if extras:
                result = model(images)
                losses = result.loss
                loss = losses.mean()
            else:
                loss = loss_of(model, images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if extras >= 2:
                means.update({"loss": losses, **result.terms, **result.extras})
                if (number + 1) % BLOCK == 0:
                    means.means()
                    means.clear()
            if extras >= 3 and number % COMMON_METRICS_EVERY == 0:
                with torch.no_grad():
                    means.update(common_metrics(model.loss.mean(result.logits), images))
            yield


GROUPS = {"fit": of_fit, "step": of_step}
