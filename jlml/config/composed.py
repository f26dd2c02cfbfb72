"""From words on a command line to a plain config."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from jlml.errors import UserError, gist

CONF = Path(__file__).parents[2] / "conf"
Config = dict[str, Any]


def compose(*overrides: str, config_name: str = "train") -> DictConfig:
    """The config that these words would give on the command line: ``compose("model=ae", "latent.dim=3")``."""
    return with_choices(*task_and_hydra(overrides, config_name))


def task_and_hydra(overrides: Sequence[str], config_name: str) -> tuple[DictConfig, DictConfig]:
    """The config that these words give, and Hydra's own."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose(config_name, list(overrides), return_hydra_config=True)
    task = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return task, composed.hydra


def with_choices(task: DictConfig, hydra: Any) -> DictConfig:
    """The config together with what was chosen to get it, which names the run.

    `choices` holds the option of each group, `changes` the keys that were set besides.
    """
    groups = {
        group: option
        for group, option in hydra.runtime.choices.items()
        if not group.startswith("hydra") and option is not None
    }
    words = [str(word) for word in hydra.overrides.task]
    OmegaConf.set_struct(task, False)
    task.choices = groups
    keys = [word.split("=")[0].lstrip("+~") for word in words]
    task.changes = [
        word
        for word, key in zip(words, keys, strict=True)
        if key not in groups and not key.startswith("sweep.")
    ]
    OmegaConf.set_struct(task, True)
    return task


def plain(config: DictConfig) -> Config:
    """Resolved, in plain dicts and lists: what a checkpoint may hold.

    Raises:
        UserError: a value is missing, or refers to what does not exist.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is missing. Say {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise UserError(f"The config does not resolve: {gist(error)}.") from error
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}
