"""Upgrades configs and checkpoints of earlier versions to the present format.

Version 0.1.0 had the speed options in the group `trainer`, had classes in other modules, and took 32
optimizer steps at a time by manual optimization. Until 0.2.0 a run had one logger at most.
"""

from copy import deepcopy
from typing import Any

from jlml.config import MOVED_KEYS

Plain = dict[str, Any]

MOVED = {
    "jlml.callbacks.TensorBoard": "jlml.loggers.TensorBoard",
    "jlml.pictures.TensorBoard": "jlml.loggers.TensorBoard",
    "jlml.callbacks.": "jlml.pictures.",
    "jlml.optimizers.FusedAdam": "torch.optim.Adam",
}
# key in trainer -> key in speed
SPEED = {old.removeprefix("trainer."): new.removeprefix("speed.") for old, new in MOVED_KEYS.items()}
STEPS_AT_A_TIME = 32


def upgrade_config(config: Plain) -> Plain:
    """Upgrades a config. Returns a config of this version unchanged."""
    logger = config.get("logger")
    if isinstance(logger, dict) and isinstance(logger.get("_target_"), str):  # there was one logger at most
        config = {**config, "logger": {"tensorboard": moved(logger)}}
    if "speed" in config or not isinstance(config.get("trainer"), dict):
        return config
    config = moved(deepcopy(config))
    trainer = config["trainer"]
    of_trainer = {new: trainer.pop(old) for old, new in SPEED.items() if old in trainer}
    defaults = {"loop": True, "flush_denormals": True} | dict.fromkeys(SPEED.values(), False)
    config["speed"] = defaults | of_trainer
    if isinstance(config.get("sweep"), dict):
        config["sweep"] = {
            key: config["sweep"][key] for key in config["sweep"] if key not in ("over", "only")
        }
    return config


def moved(node: Any) -> Any:
    """Replaces the old names of classes in nested containers."""
    if isinstance(node, dict):
        return {
            key: new_name(value) if key == "_target_" and isinstance(value, str) else moved(value)
            for key, value in node.items()
        }
    return [moved(value) for value in node] if isinstance(node, list) else node


def new_name(target: str) -> str:
    """The present dotted path of a class."""
    for old, new in MOVED.items():
        if target.startswith(old):
            return target.replace(old, new, 1)
    return target


def upgrade_checkpoint(content: Plain) -> Plain:
    """Upgrades a checkpoint. Returns a checkpoint of this version unchanged."""
    config, loops = content.get("config"), content.get("loops")
    if not isinstance(config, dict) or "speed" in config:
        return content
    content = {**content, "config": upgrade_config(config)}
    window = content.pop("window", {})
    if isinstance(loops, dict) and isinstance(loops.get("fit_loop"), dict):
        limit = config.get("trainer", {}).get("limit_train_batches")
        batches = STEPS_AT_A_TIME if limit in (None, 1.0) else 1
        fit_loop = upgrade_loop(deepcopy(loops["fit_loop"]), batches)
        fit_loop["epoch_loop.state_dict"] = {
            "_batches_that_stepped": content.get("global_step", 0),
            "window": window,
        }
        content["loops"] = {**loops, "fit_loop": fit_loop}
    return content


def upgrade_loop(fit_loop: Plain, batches: int) -> Plain:
    """Converts the progress of version 0.1.0's fit loop to that of Lightning's automatic optimization.

    Args:
        fit_loop: state of a loop that counted groups of batches, and steps of manual optimization.
        batches: number of batches per group.
    """
    for count in ("current", "total"):
        progress = fit_loop["epoch_loop.batch_progress"][count]
        fit_loop["epoch_loop.batch_progress"][count] = {name: n * batches for name, n in progress.items()}
    steps = fit_loop["epoch_loop.manual_optimization.optim_step_progress"]
    fit_loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"] = steps
    return fit_loop
