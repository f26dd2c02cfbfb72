"""A run goes on in its own folder with its own config; of that, only what makes no other run may change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from jlml.config import Config, shown
from jlml.config.keys import value_at
from jlml.data.sources import DEFAULT_ROOT, known_root
from jlml.errors import UserError
from jlml.runs import Run
from jlml.training import Trained, train

MAY_CHANGE = (
    *("trainer.max_epochs", "data.root", "threads", "draw_every"),
    *("checkpoints.steps", "checkpoints.minutes"),
)
OWN = ("resume", "trust")  # of the command, not of the run


def resume(folder: str | Path, words: Sequence[str] = (), trust: bool = False) -> Trained:
    """Trains a run to its end from where it was cut off, or further than it was meant to go.

    Args:
        folder: of the run.
        words: what the command line says besides, as ``trainer.max_epochs=40``.
        trust: accept a config that names classes outside jlml, torch and lightning.

    Raises:
        UserError: there is nothing to go on from, or a word would make it another run.
    """
    run = Run.open(folder)
    then = run.config(trust)
    config = changed(then, words, run)
    root = config["data"].get("root", DEFAULT_ROOT)
    if not trust and root == then["data"].get("root", DEFAULT_ROOT):
        config["data"]["root"] = known_root(config["data"]["name"], root)
    if run.state() in ("finished", "pruned"):
        run.checkpoint("last")  # must be there; a run that was cut off before its first begins anew
    for which in ("last", "best"):  # before a word is written: both are loaded in training
        if (run.path / "checkpoints" / f"{which}.ckpt").is_file():
            run.fitting(then, which, trust)
    return train(OmegaConf.create(config), run=run)


def changed(config: Config, words: Sequence[str], run: Run) -> Config:
    """The run's config with what the words change in it.

    Raises:
        UserError: a word asks for what the run is not.
    """
    holder, differing = OmegaConf.create(config), []
    for override in OverridesParser.create().parse_overrides(list(words)):
        key, now = override.key_or_group, override.value()
        then: Any = config["choices"].get(key, value_at(config, key))
        if key in OWN or then == now:
            continue
        if key not in MAY_CHANGE:
            differing.append(f"{key} is {'not set' if then is ... else shown(then)} and not {shown(now)}")
        elif key == "trainer.max_epochs":
            check_extension(config, now)
            kept = [word for word in config["changes"] if not word.startswith(f"{key}=")]
            OmegaConf.update(holder, "changes", [*kept, f"{key}={now}"])
        elif key == "draw_every":
            for name, node in (config.get("callbacks") or {}).items():
                if isinstance(node, dict) and node.get("every") == then:
                    OmegaConf.update(holder, f"callbacks.{name}.every", now)
        OmegaConf.update(holder, key, now)
    if differing:
        raise UserError(
            f"{run.path} goes on with its own config, where {'; '.join(differing)}. What may change: "
            f"{', '.join(MAY_CHANGE)}. For anything else train a new run."
        )
    changed = OmegaConf.to_container(holder)
    assert isinstance(changed, dict)
    return {str(key): value for key, value in changed.items()}


def check_extension(config: Config, epochs: Any) -> None:
    """Refuses fewer epochs than the run was meant to have, and more where they were planned for.

    Raises:
        UserError: saying which.
    """
    before = config["trainer"]["max_epochs"]
    if isinstance(epochs, int) and epochs < before:
        raise UserError(
            f"trainer.max_epochs={epochs} is less than the {before} of this run. It can only be raised."
        )
    planned = {"T_max", "total_steps", "epochs"} & set(config.get("scheduler") or {})
    if planned:
        raise UserError(
            f"The learning rate of this run falls to zero over its {before} epochs "
            f"(scheduler.{min(planned)}): it cannot be extended. Train a new run with more."
        )
