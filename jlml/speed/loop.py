"""A training loop that takes the same steps as Lightning's loop, without its overhead.

For every step Lightning calls five hooks of each callback, starts and stops a profiler, wraps the optimizer,
and evaluates `self.log`: .3 to 1.3 ms, as long as the step of a small network. This loop takes all steps of
an epoch in one call. The weights are equal, bit for bit (tests/test_textbook.py).
`make bench ARGS="nets"` measures the difference.
"""

import logging
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.loops.fetchers import _DataFetcher
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.utilities.model_helpers import is_overridden

from jlml.metrics import RunningMean, common_metrics, named
from jlml.metrics.names import LEARNING_RATE
from jlml.shapes import Images
from jlml.speed.eligible import why_lightnings_loop
from jlml.speed.steps import Step, Steps

log = logging.getLogger(__name__)

COMMON_METRICS_EVERY = 25  # steps: computed at every step, they would take a third of a small network's time


class StepLoop(_TrainingEpochLoop):
    """Takes the optimizer steps of an epoch itself, if model, callbacks and trainer allow it.

    Otherwise it behaves like Lightning's loop, and a warning says why.

    Args:
        trainer: trainer that runs the loop.
        compiled: compile the forward pass, see `Steps`.
        cuda_graphs: record steps as CUDA graphs, see `Steps`.
    """

    def __init__(self, trainer: Trainer, compiled: bool = False, cuda_graphs: bool = False) -> None:
        super().__init__(trainer, min_steps=trainer.min_steps, max_steps=trainer.max_steps)
        self.compiled = compiled
        self.cuda_graphs = cuda_graphs
        self._window = RunningMean()  # values since the last logged point
        self._steps: Steps | None = None
        self._reason: str | None = None  # why it uses Lightning's loop

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        super().on_run_start(data_fetcher)
        if self._steps is None and self._reason is None:
            self._reason = why_lightnings_loop(self.trainer)
            if self._reason is not None:
                log.warning("Training runs in Lightning's own loop, which is slower: %s.", self._reason)
            else:
                self._steps = Steps(self.trainer, self.compiled, self.cuda_graphs)

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """Runs all remaining batches of the epoch."""
        in_validation = self.restarting and self._should_check_val_fx(data_fetcher)
        if self._steps is None or in_validation:
            super().advance(data_fetcher)
            return
        self.val_loop.restarting = False
        trainer, model = self.trainer, self.trainer.lightning_module
        batches, updates = self.batch_progress, self.automatic_optimization.optim_progress.optimizer.step
        before, after = (
            [getattr(callback, hook) for callback in trainer.callbacks if is_overridden(hook, callback)]
            for hook in ("on_train_batch_start", "on_train_batch_end")
        )
        while True:
            batch, _, _ = next(data_fetcher)
            batch_idx = batches.current.ready
            batches.is_last_batch = data_fetcher.done
            batches.increment_ready()
            for hook in before:
                hook(trainer, model, batch, batch_idx)
            batches.increment_started()
            updates.increment_ready()
            images = batch[0]
            step = self._steps.take(images)
            updates.increment_completed()
            batches.increment_processed()
            last = self._num_ready_batches_reached()
            self._log(step, images, batch_idx, last)
            if trainer.lr_scheduler_configs:
                self.update_lr_schedulers("step", update_plateau_schedulers=False)
                if last:
                    self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
            outputs = {"loss": step.loss}
            for hook in after:
                hook(trainer, model, outputs, batch, batch_idx)
            batches.increment_completed()
            if last or trainer.should_stop:
                return
            self._batches_that_stepped += 1

    def _log(self, step: Step, images: Images, batch_idx: int, last: bool) -> None:
        """Adds a step to the window since the last logged point. Logs the means if the window is full."""
        trainer, window = self.trainer, self._window
        window.update({"loss": step.losses, **step.output.terms, **step.output.extras})
        if batch_idx % COMMON_METRICS_EVERY == 0:
            with torch.no_grad():
                mean = trainer.lightning_module.loss.mean(step.output.logits)
                window.update(common_metrics(mean, images))
        if last or (batch_idx + 1) % trainer.log_every_n_steps == 0:
            means = named("train", window.means())
            window.clear()
            trainer.callback_metrics.update({name: torch.tensor(value) for name, value in means.items()})
            means[LEARNING_RATE] = trainer.optimizers[0].param_groups[0]["lr"]
            means["epoch"] = trainer.current_epoch  # as Lightning adds it
            for logger in trainer.loggers:
                logger.log_metrics(means, step=trainer.global_step)

    def on_save_checkpoint(self) -> dict[str, Any]:
        return super().on_save_checkpoint() | {"window": self._window.kept()}

    def on_load_checkpoint(self, state_dict: dict[str, Any]) -> None:
        super().on_load_checkpoint(state_dict)
        device = self.trainer.strategy.root_device  # checkpoints are read on the CPU
        window = {name: values.to(device) for name, values in state_dict.get("window", {}).items()}
        self._window.restore(window)  # so that a resumed run logs the same points
