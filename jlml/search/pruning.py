"""Reports a trial to Optuna after every epoch, and stops it if Optuna prunes it."""

import optuna
from lightning import Callback, LightningModule, Trainer

from jlml.training.record import Pruned


class Pruning(Callback):
    """Reports the validation metric of every epoch, counted from one, and prunes the trial.

    This happens at the end of an epoch, after the best checkpoint is written, so that a pruned run can be
    evaluated like any other.

    Args:
        trial: trial that is trained.
        metric: metric of the search.
    """

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self.trial = trial
        self.metric = metric
        self._reported = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch not in self._reported:  # a process that was killed may have reported it before
            self.trial.report(float(trainer.callback_metrics[self.metric]), epoch)
        if epoch != trainer.max_epochs and self.trial.should_prune():
            raise Pruned(epoch)
