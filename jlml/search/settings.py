"""The settings of a search: its checked config, its name and its identity."""

import hashlib
import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from jlml.comparison.quantities import quantity_of
from jlml.config import Config, check, compose, decisive, key_of, override, plain, value_at
from jlml.config.identity import NOT_DECISIVE
from jlml.config.schema import Search
from jlml.errors import UserError
from jlml.search.ranges import Range, ranges_of

MAY_CHANGE = ("name", "trials", "storage")  # keys that can change when a search is resumed
DIRECTIONS = {"lower": "minimize", "higher": "maximize"}


@dataclass(frozen=True)
class Settings:
    """The settings of a search.

    Args:
        config: plain config of all trials, without the searched values.
        overrides: overrides that compose this config.
        ranges: ranges of the searched values.
        search: the group `search`. Not printed, because a database URL may contain a password.
    """

    config: Config
    overrides: tuple[str, ...]
    ranges: tuple[Range, ...]
    search: Search = field(repr=False)

    @classmethod
    def of(cls, cfg: DictConfig) -> "Settings":
        """Reads and checks the settings of a composed config.

        Raises:
            UserError: the config is invalid, or has no search.
        """
        config = plain(cfg)
        check(config)
        node = config.pop("search", None)
        if node is None:
            raise UserError("This config has no search. Add search=vae, or another choice of conf/search.")
        for key in Search.model_fields:
            if key not in node:
                raise UserError(
                    f"search.{key} is missing from the config. Start your own search file with: "
                    "defaults: [default, _self_]"
                )
        search = Search.model_validate(node)
        check_settings(search)
        check_processes(config)
        ranges = ranges_of(search.ranges)
        for range_ in ranges:
            check_key(range_.key)
        return cls(config, overrides_of(config, {range_.key for range_ in ranges}), ranges, search)

    def compose(self, values: dict[str, str]) -> DictConfig:
        """Composes the config of a trial with these values."""
        return without_search(
            compose(*self.overrides, *(override(key, text) for key, text in values.items()))
        )

    @property
    def identity(self) -> dict[str, Any]:
        """The decisive settings of the search. Only processes that agree in them can share trials."""
        config = decisive(deepcopy(self.config))
        for range_ in self.ranges:
            *parents, name = range_.key.split(".")
            parent = value_at(config, ".".join(parents)) if parents else config
            if isinstance(parent, dict):
                parent.pop(name, None)
        search = self.search.model_dump(exclude=set(MAY_CHANGE))
        return json.loads(json.dumps({"search": search, **config}, sort_keys=True))  # as Optuna stores it

    @property
    def name(self) -> str:
        """The given name; by default the choices that are not searched, and a hash of the identity."""
        if self.search.name is not None:
            return self.search.name
        choices, searched = self.config["choices"], {range_.key for range_ in self.ranges}
        groups = [group for group in ("model", "loss") if group not in searched]
        readable = [choices.get("search", "search"), *(choices[group] for group in groups)]
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:8]
        data = re.sub(r"[^\w.+-]+", "-", self.config["data"]["name"])  # it can be the name of any folder
        return "_".join([*readable, data, digest])

    @property
    def folder(self) -> Path:
        """The folder of the search."""
        return Path(self.config["output_dir"]) / "searches" / self.name


def without_search(cfg: DictConfig) -> DictConfig:
    """Removes the search from a config, in case an experiment file chooses one."""
    OmegaConf.set_struct(cfg, False)
    cfg.pop("search", None)
    cfg.choices.pop("search", None)
    OmegaConf.set_struct(cfg, True)
    return cfg


def overrides_of(config: Config, searched: set[str]) -> tuple[str, ...]:
    """The overrides that compose a config again, in a fixed order, without the searched keys."""
    defaults = default_choices()
    groups = [
        f"{group}={option}"
        for group, option in config["choices"].items()
        if defaults.get(group) != option and group != "search"
    ]
    return tuple(
        given
        for given in [*sorted(groups), *config["changes"]]
        if key_of(given) not in searched and not key_of(given).startswith("search.")
    )


@cache
def default_choices() -> dict[str, str]:
    """The default choice of each group."""
    return dict(compose().choices)


def check_settings(search: Search) -> None:
    """Refuses an invalid metric, direction or storage.

    Raises:
        UserError: the message names the key.
    """
    metric, storage = search.metric, search.storage
    if not metric.startswith("val/"):
        raise UserError(
            f"search.metric={metric} is invalid: expected a validation metric, for example val/loss or "
            "val/mse. The test images are reserved for the final model."
        )
    better = quantity_of(metric).better
    if better is not None and search.direction != DIRECTIONS[better]:
        raise UserError(
            f"search.direction={search.direction} is invalid: a {better} {metric} is better. Use "
            f"search.direction={DIRECTIONS[better]}."
        )
    if storage is not None and not (isinstance(storage, str) and "://" in storage):
        # the value is not shown: it may contain a password
        raise UserError(
            "search.storage is invalid: expected the URL of a database, for example "
            "postgresql://user@host/base, or null."
        )


def check_processes(config: Config) -> None:
    """Refuses trials with several processes, because each process would start its own search.

    Raises:
        UserError: the message names the key.
    """
    if config["trainer"].get("strategy") == "ddp":
        raise UserError(
            "trainer.strategy=ddp is invalid in a search: each trial is one process. Start the same command "
            "several times instead, with one device each."
        )


def check_key(key: str) -> None:
    """Refuses to search keys that do not affect the results of a run, and seeds.

    Raises:
        UserError: the message names the key.
    """
    if key.split(".")[0] in (*NOT_DECISIVE, "search", "hydra") or key in (
        "data.root",
        "data.path",
        "data.fallback",
    ):
        raise UserError(f"search.ranges.{key} is invalid: {key} does not affect any metric. Remove it.")
    if key in ("seed", "data.seed"):
        raise UserError(
            f"search.ranges.{key} is invalid: it would find the luckiest seed. Remove it. To compare seeds, "
            "use train.py -m seed=0,1,2."
        )
