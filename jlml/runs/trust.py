"""Restricts which classes a config from an untrusted run folder may instantiate."""

import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jlml.config import command_line, locate, nodes_with_targets, override
from jlml.errors import UserError

TRUSTED_PACKAGES = ("jlml", "torch.optim", "torch.nn", "lightning")

# pattern of a key -> allowed base classes; other keys must not name a class
KINDS = {
    r"data": ("jlml.data.ImageDataModule",),
    r"model": ("jlml.models.Autoencoder",),
    r"model\..*": ("torch.nn.Module",),
    r"loss": ("jlml.losses.ObservationModel",),
    r"optimizer": ("torch.optim.Optimizer",),
    r"scheduler": ("torch.optim.lr_scheduler.LRScheduler",),
    r"trainer": ("lightning.Trainer",),
    r"callbacks\.[^.\[]*": ("jlml.pictures.drawing.Drawing", "lightning.Callback"),
    r"logger\.[^.\[]*": tuple(f"jlml.loggers.{name}" for name in ("TensorBoard", "CSV", "WandB", "MLflow")),
}
SENDING = ("jlml.loggers.WandB", "jlml.loggers.MLflow")
# this class writes and deletes files that its options and its state in a checkpoint name
DANGEROUS = "lightning.pytorch.callbacks.Checkpoint"


def check_targets(config: Mapping[str, Any]) -> None:
    """Refuses the config of a run that names anything other than a class of jlml, torch or lightning.

    Raises:
        UserError: a target is outside the trusted packages, is not a class, or has the wrong base class for
            its key.
    """
    for key, node in nodes_with_targets(config):
        target = node["_target_"]
        found = trusted_class(target) if isinstance(target, str) else None
        kinds = next((kinds for place, kinds in KINDS.items() if re.fullmatch(place, key)), ())
        if found is None or not is_of(found, kinds):
            allowed = kinds if found else [f"a class of {', '.join(TRUSTED_PACKAGES)}"]
            if found is not None and issubclass(found, locate(DANGEROUS, DANGEROUS)):
                allowed = ["a class that writes only to the run folder"]
            raise UserError(
                f"{key}._target_={target} is not {' or '.join(allowed) or 'allowed here'}, and a run folder "
                "can come from anyone. If you trust this one, add trust=true."
            )


def check_loggers(config: Mapping[str, Any]) -> None:
    """Refuses to resume a run whose loggers send numbers and pictures to where its config says.

    Raises:
        UserError: the message names the logger.
    """
    for name, node in (config.get("logger") or {}).items():
        if node["_target_"] in SENDING:
            raise UserError(
                f"logger.{name} sends numbers and pictures to where the run's config says, and a run folder "
                "can come from anyone. If you trust this one, add trust=true."
            )


def trust_needed(config: Mapping[str, Any], to_resume: bool = False) -> tuple[str, ...]:
    """The override ``trust=true`` if a command needs it to use a run with this config; otherwise empty.

    Args:
        config: config of a run.
        to_resume: whether the command resumes the run; others create no loggers.
    """
    try:
        check_targets(config)
        if to_resume:
            check_loggers(config)
    except UserError:
        return ("trust=true",)
    return ()


def resume_command(run: Path, config: Mapping[str, Any], *overrides: str) -> str:
    """The command that resumes a run, to paste into a shell."""
    needed = trust_needed(config, to_resume=True)
    return command_line("train.py", override("resume", str(run)), *needed, *overrides)


def trusted_class(target: str) -> type | None:
    """The class at a dotted path, if the path never leaves the trusted packages; otherwise None.

    A path such as `jlml.data.mnist.os.system` starts in a trusted package and leaves it. So the origin of
    every module and class on the path is checked before the next step.
    """
    package = next((name for name in TRUSTED_PACKAGES if target.startswith(f"{name}.")), None)
    if package is None:
        return None
    found: Any = importlib.import_module(package)
    for name in target.removeprefix(f"{package}.").split("."):
        if not name.isidentifier() or name.startswith("_"):
            return None  # for example `package.__main__`, which runs a program on import
        try:
            if inspect.ismodule(found) and not hasattr(found, name):
                importlib.import_module(f"{found.__name__}.{name}")
            found = getattr(found, name)
        except Exception:  # an import can raise any error
            return None
        home = getattr(found, "__name__" if inspect.ismodule(found) else "__module__", "")
        within = f"{home}.".startswith(tuple(f"{name}." for name in TRUSTED_PACKAGES))
        if not within or not (inspect.ismodule(found) or inspect.isclass(found)):
            return None
    return found if inspect.isclass(found) else None


def is_of(found: type, kinds: Iterable[str]) -> bool:
    """Whether a class derives from one of these classes and is not dangerous."""
    return any(issubclass(found, locate(kind, kind)) for kind in kinds) and not issubclass(
        found, locate(DANGEROUS, DANGEROUS)
    )
