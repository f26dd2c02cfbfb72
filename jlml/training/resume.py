"""A run resumes in its own folder with its own config; only what makes no other run of it may change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from jlml.config import Config, key_of, shown, value_at
from jlml.data.mnist import DEFAULT_ROOT
from jlml.errors import UserError
from jlml.runs import Run
from jlml.runs.data_root import recorded_root
from jlml.training.train import Trained, train

MAY_CHANGE = (
    *("trainer.max_epochs", "data.root", "threads", "draw_every"),
    *("checkpoints.steps", "checkpoints.minutes", "speed.loop", "speed.flush_denormals", "speed.cuda_graphs"),
)
OF_COMMAND = ("resume", "trust")  # keys of the command, not of the run
PLANNED = {"T_max", "total_steps", "epochs"}  # options of schedulers that plan for a number of epochs


def resume(folder: str | Path, overrides: Sequence[str] = (), trust: bool = False) -> Trained:
    """Trains an interrupted run to its end, or a finished one for more epochs.

    Args:
        folder: of the run.
        overrides: what else the command line sets, such as ``trainer.max_epochs=40``.
        trust: accept a config that names classes outside jlml, torch and lightning.

    Raises:
        UserError: there is nothing to resume, or an override would make it another run.
    """
    run = Run.open(folder)
    recorded = run.config(trust)
    config = changed(recorded, overrides, run)
    root = config["data"].get("root", DEFAULT_ROOT)
    if not trust and root == recorded["data"].get("root", DEFAULT_ROOT):
        config["data"]["root"] = recorded_root(config["data"]["name"], root)
    if run.state() in ("finished", "pruned"):
        run.checkpoint("last")  # must exist; a run that was interrupted before its first starts again
    for which in ("last", "best"):  # before anything is written: training loads both
        if (run.path / "checkpoints" / f"{which}.ckpt").is_file():
            run.matching_checkpoint(recorded, which, trust)
    return train(OmegaConf.create(config), run=run)


def changed(config: Config, overrides: Sequence[str], run: Run) -> Config:
    """The run's config with what the overrides change in it.

    Raises:
        UserError: an override asks for another run.
    """
    holder, differing = OmegaConf.create(config), []
    for given in OverridesParser.create().parse_overrides(list(overrides)):
        key, now = given.key_or_group, given.value()
        before: Any = config["choices"].get(key, value_at(config, key))
        if key in OF_COMMAND or before == now:
            continue
        if key not in MAY_CHANGE:
            differing.append(f"{key} is {'not set' if before is ... else shown(before)}, not {shown(now)}")
        elif key == "trainer.max_epochs":
            check_extension(config, now)
            kept = [change for change in config["changes"] if key_of(change) != key]
            OmegaConf.update(holder, "changes", [*kept, f"{key}={now}"])
        elif key == "draw_every":
            for name, node in (config.get("callbacks") or {}).items():
                if isinstance(node, dict) and node.get("every") == before:
                    OmegaConf.update(holder, f"callbacks.{name}.every", now)
        OmegaConf.update(holder, key, now)
    if differing:
        raise UserError(
            f"{run.path} resumes with its own config, in which {'; '.join(differing)}. These may change: "
            f"{', '.join(MAY_CHANGE)}. For anything else train a new run."
        )
    result = OmegaConf.to_container(holder)
    assert isinstance(result, dict)
    return {str(key): value for key, value in result.items()}


def check_extension(config: Config, epochs: Any) -> None:
    """Refuses fewer epochs than the run has planned, and more if its learning rate is planned to the end.

    Raises:
        UserError: saying which.
    """
    before = config["trainer"]["max_epochs"]
    if isinstance(epochs, int) and epochs < before:
        raise UserError(
            f"trainer.max_epochs={epochs} is less than the {before} of this run. It can only be raised."
        )
    planned = PLANNED & set(config.get("scheduler") or {})
    if planned:
        raise UserError(
            f"The learning rate of this run is planned to the end of its {before} epochs "
            f"(scheduler.{min(planned)}), so it cannot be extended. Train a new run with more epochs."
        )
