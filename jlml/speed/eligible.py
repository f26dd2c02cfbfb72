"""Decides whether `StepLoop` can train a model: only if nothing else has to happen during a step."""

from inspect import Parameter, signature

from lightning import Trainer
from lightning.pytorch.plugins import MixedPrecision, Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden

from jlml.models import Autoencoder

# hooks that StepLoop does not call
OF_CALLBACKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
OF_MODELS = (
    *OF_CALLBACKS,
    *("on_train_batch_start", "on_train_batch_end", "backward", "optimizer_step", "optimizer_zero_grad"),
    *("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer"),
)
# methods that StepLoop replaces
OF_AUTOENCODERS = ("training_step", "log_means", "numbers")


def why_lightnings_loop(trainer: Trainer) -> str | None:
    """The reason why `StepLoop` cannot take the steps of this trainer; None if it can.

    Args:
        trainer: trainer that has started to fit, so that its model, callbacks and optimizers are known.
    """
    model = trainer.lightning_module
    name = type(model).__name__
    if not isinstance(model, Autoencoder):
        return f"{name} does not derive from Autoencoder"
    if not model.automatic_optimization or len(trainer.optimizers) != 1:
        return f"{name} takes its optimizer steps itself"
    for method in OF_AUTOENCODERS:
        if getattr(type(model), method) is not getattr(Autoencoder, method):
            return f"{name} overrides {method}"
    for hook in OF_MODELS:
        if is_overridden(hook, model):
            return f"{name} overrides {hook}"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        for hook in OF_CALLBACKS:
            if is_overridden(hook, callback):
                return f"the callback {type(callback).__name__} has {hook}"
    closure = signature(trainer.optimizers[0].step).parameters.get("closure")
    if closure is not None and closure.default is Parameter.empty:
        return f"{type(trainer.optimizers[0]).__name__} evaluates the model several times per step"
    return why_trainer(trainer)


def why_trainer(trainer: Trainer) -> str | None:
    """The reason among the trainer's options; None if there is none."""
    precision = trainer.precision_plugin
    scales = isinstance(precision, MixedPrecision) and precision.scaler is not None
    options = {
        "several devices": type(trainer.strategy) is not SingleDeviceStrategy,
        f"precision={precision.precision}": type(precision) not in (Precision, MixedPrecision) or scales,
        "a profiler": not isinstance(trainer.profiler, PassThroughProfiler),  # type: ignore[attr-defined]
        "accumulate_grad_batches": trainer.accumulate_grad_batches != 1,
        "max_steps": trainer.max_steps != -1,
        "val_check_interval": trainer.val_check_interval != 1.0,
        "a plateau scheduler per step": any(
            config.reduce_on_plateau and config.interval == "step" for config in trainer.lr_scheduler_configs
        ),
    }
    found = [option for option, is_used in options.items() if is_used]
    return f"the trainer uses {found[0]}" if found else None
