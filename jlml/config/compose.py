"""Composes a config from command line overrides, and converts it to plain containers."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel

from jlml.config.keys import CONF
from jlml.config.messages import sentence_for
from jlml.config.overrides import check_overrides, key_of
from jlml.config.schema import Evaluate, Search, Speed, Train
from jlml.errors import UserError, first_line

Config = dict[str, Any]


def register_defaults() -> None:
    """Registers the defaults of the schema with Hydra, for use in the files of conf/."""
    store = ConfigStore.instance()
    store.store("_train", defaults_of(Train))
    store.store("_evaluate", defaults_of(Evaluate))
    store.store("_keys", defaults_of(Speed), group="speed")
    store.store("_keys", defaults_of(Search), group="search")


def defaults_of(schema: type[BaseModel]) -> Config:
    """The defaults of a schema, without the keys that jlml adds to a composed config."""
    added = ("choices", "changes", "image_shape", "data_fingerprint")
    groups = ("scheduler", "callbacks", "logger", "search")
    return {
        name: defaults_of(type(field.default)) if isinstance(field.default, BaseModel) else field.default
        for name, field in schema.model_fields.items()
        if not field.is_required() and name not in (*added, *(groups if schema is Train else ()))
    }


register_defaults()


class ProjectChoices(SearchPathPlugin):
    """Adds the choices in the folder `conf` of the current folder, for a project that uses jlml."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        folder = Path("conf").absolute()
        if folder.is_dir() and not folder.samefile(CONF):
            search_path.append("project", folder.as_uri())


@cache
def register_project() -> None:
    """Registers the choices of the project with Hydra, which looks for its plug-ins first."""
    Plugins.instance().register(ProjectChoices)


def compose(*overrides: str, config_name: str = "train") -> DictConfig:
    """Composes the config of command line overrides: ``compose("model=ae", "latent.dim=3")``.

    Raises:
        UserError: an override is invalid.
    """
    try:
        check_overrides(overrides)
        return with_choices(*task_and_hydra(overrides, config_name))
    except Exception as error:
        message = sentence_for(error, of_evaluation=config_name == "evaluate")
        if message is None:
            raise
        raise UserError(message) from error


def composed(config: Sequence[Any], config_name: str = "train") -> Config:
    """The plain config of arguments that are either one composed config or any number of overrides.

    Raises:
        UserError: there is something else, or an override is invalid.
    """
    if len(config) == 1 and isinstance(config[0], DictConfig):
        return plain(config[0])
    for given in config:
        if not isinstance(given, str):
            raise UserError(
                f"A {type(given).__name__} is not an override: expected one composed config, or texts such "
                "as 'model=vae', 'loss=bce'."
            )
    return plain(compose(*config, config_name=config_name))


def task_and_hydra(overrides: Sequence[str], config_name: str) -> tuple[DictConfig, DictConfig]:
    """The config of these overrides, and Hydra's own config."""
    register_project()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose(config_name, list(overrides), return_hydra_config=True)
    task = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return task, composed.hydra


def with_choices(task: DictConfig, hydra: Any) -> DictConfig:
    """Adds `choices`, the option of each group, and `changes`, all other overrides, to the config.

    The run folder is named after them.
    """
    groups = {
        group: option
        for group, option in hydra.runtime.choices.items()
        if not group.startswith("hydra") and option is not None
    }
    overrides = [str(override) for override in hydra.overrides.task]
    OmegaConf.set_struct(task, False)
    task.choices = groups
    keys = [override.split("=")[0].lstrip("+~") for override in overrides]
    task.changes = [
        override
        for override, key in zip(overrides, keys, strict=True)
        if key not in groups and not key.startswith("sweep.")
    ]
    OmegaConf.set_struct(task, True)
    return task


def part_names(config: Mapping[str, Any]) -> dict[str, str]:
    """The choice of each group; instead of it the class that an override such as ``loss._target_=`` names."""
    given = {key_of(change): change.partition("=")[2].strip("'\"") for change in config["changes"]}
    classes = {group: given.get(f"{group}._target_", "").rpartition(".")[2] for group in config["choices"]}
    return {group: classes[group] or choice for group, choice in config["choices"].items()}


def plain(config: DictConfig) -> Config:
    """Resolves a config and converts it to plain dicts and lists, as a checkpoint needs them.

    Raises:
        UserError: a value is missing, or an interpolation cannot be resolved.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is missing. Set {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise UserError(f"The config cannot be resolved: {first_line(error)}.") from error
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}
