"""Tells the search how a trial does after every epoch, and ends it where that is not worth more time."""

import optuna
from lightning import Callback, LightningModule, Trainer

from jlml.training.record import Pruned


class Pruning(Callback):
    """Reports the metric of every epoch's validation, epochs counting from one.

    When an epoch is over, so that its checkpoint is written if it was the best: a pruned run can be
    evaluated like any other.

    Args:
        trial: reported to.
        metric: that the search goes by.
    """

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self.trial = trial
        self.metric = metric
        (known,) = (t for t in trial.study.get_trials(deepcopy=False) if t.number == trial.number)
        self._reported = set(known.intermediate_values)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch not in self._reported:  # an epoch cut off after its validation is trained again
            self.trial.report(float(trainer.callback_metrics[self.metric]), epoch)
        last = epoch == trainer.max_epochs
        if not last and self.trial.should_prune():
            raise Pruned(epoch)
