"""Resumes a run in its own folder with its own config. Only keys that keep its results valid may change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from jlml.config import Config, key_of, shown, value_at
from jlml.errors import UserError
from jlml.runs import Run, check_loggers
from jlml.runs.data_root import PLACES, recorded_place
from jlml.training.train import Trained, train

MAY_CHANGE = (
    *("trainer.max_epochs", "data.root", "data.path", "threads", "draw_every", "keep_checkpoints_every"),
    *("name", "tags", "note"),
    *("checkpoints.steps", "checkpoints.minutes", "speed.loop", "speed.flush_denormals", "speed.cuda_graphs"),
)
RESUME_KEYS = ("resume", "trust")  # keys of the command, not of the run
SCHEDULE_LENGTHS = {"T_max", "total_steps", "epochs"}  # scheduler options that fix the number of epochs


def resume(folder: str | Path, overrides: Sequence[str] = (), trust: bool = False) -> Trained:
    """Trains an interrupted run to its end, or a finished one for more epochs.

    Args:
        folder: run folder.
        overrides: other overrides on the command line, for example ``trainer.max_epochs=40``.
        trust: accept a config that names classes outside jlml, torch and lightning.

    Raises:
        UserError: there is nothing to resume, or an override changes a key that must not change.
    """
    run = Run.open(folder)
    recorded = run.config(trust)
    if not trust:
        check_loggers(recorded)
    config = changed(recorded, overrides, run)
    if not trust and all(config["data"].get(key) == recorded["data"].get(key) for key in PLACES):
        config["data"] |= recorded_place(config)
    if run.state() in ("finished", "pruned"):
        run.checkpoint("last")  # must exist; a run interrupted before its first checkpoint starts again
    for which in ("last", "best"):  # training loads both, so check them before anything is written
        if (run.path / "checkpoints" / f"{which}.ckpt").is_file():
            run.matching_checkpoint(recorded, which, trust)
    return train(OmegaConf.create(config), run=run)


def changed(config: Config, overrides: Sequence[str], run: Run) -> Config:
    """The run's config with the overrides applied.

    Raises:
        UserError: an override changes a key that must not change.
    """
    holder, differing = OmegaConf.create(config), []
    for given in OverridesParser.create().parse_overrides(list(overrides)):
        key, now = given.key_or_group, given.value()
        before: Any = config["choices"].get(key, value_at(config, key))
        if key in RESUME_KEYS or before == now:
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
    """Refuses fewer epochs than before, and more if the learning rate schedule has a fixed length.

    Raises:
        UserError: the message says why.
    """
    before = config["trainer"]["max_epochs"]
    if isinstance(epochs, int) and epochs < before:
        raise UserError(
            f"trainer.max_epochs={epochs} is less than the {before} of this run. It can only be raised."
        )
    fixed = SCHEDULE_LENGTHS & set(config.get("scheduler") or {})
    if fixed:
        raise UserError(
            f"The learning rate schedule of this run ends after {before} epochs (scheduler.{min(fixed)}), "
            "so the run cannot be extended. Train a new run with more epochs."
        )
