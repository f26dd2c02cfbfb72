"""What a search is: its config checked, its name, and what tells it from another search."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from jlml.config import Config, compared, compose, decisive, key_of, plain, shown, value_at
from jlml.config import override as word
from jlml.config.identity import NOT_DECISIVE as BESIDES
from jlml.errors import UserError, did_you_mean
from jlml.search.ranges import Range, ranges_of

IN_PASSING = ("name", "trials", "storage")  # may change while a search goes on
LOWER, HIGHER = ("val/loss", "val/nll", "val/mse", "val/bce"), ("val/elbo",)  # is better


@dataclass(frozen=True)
class Settings:
    """A search as its config describes it.

    Args:
        config: of any trial, before the trial's own values; plain.
        words: that compose it.
        ranges: of the values.
        others: as in `conf/search/default.yaml`.
    """

    config: Config
    words: tuple[str, ...]
    ranges: tuple[Range, ...]
    name: str | None
    trials: int
    metric: str
    direction: Literal["minimize", "maximize"]
    startup_trials: int
    pruning: bool
    warmup_epochs: int
    seed: int
    storage: str | None = field(repr=False)  # the URL of a database may hold a password
    node: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, cfg: DictConfig) -> "Settings":
        """Those of a config that chooses a search.

        Raises:
            UserError: something about them cannot be.
        """
        config = plain(cfg)
        node = config.pop("search", None)
        if not isinstance(node, dict):
            raise UserError("This config chooses no search. Add search=vae, or another of conf/search.")
        check_settings(node)
        check_devices(config)
        ranges = ranges_of(node["ranges"])
        for range_ in ranges:
            check_key(range_.key)
        words = words_of(config, {range_.key for range_ in ranges})
        others = {name: value for name, value in node.items() if name != "ranges"}
        return cls(config, words, ranges, node=node, **others)

    def compose(self, values: dict[str, str]) -> DictConfig:
        """The config of a trial with these values."""
        return without_search(compose(*self.words, *(word(key, value) for key, value in values.items())))

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this search: two that differ here have nothing to tell each other."""
        config = decisive(self.config)
        for range_ in self.ranges:
            *parents, name = range_.key.split(".")
            parent = value_at(config, ".".join(parents)) if parents else config
            if isinstance(parent, dict):
                parent.pop(name, None)
        settings = {key: value for key, value in self.node.items() if key not in IN_PASSING}
        written = json.dumps({"search": settings, **config}, sort_keys=True)
        return json.loads(written)

    @property
    def folder_name(self) -> str:
        """The given name; else the choices that are not searched, and a hash of the identity."""
        if self.name is not None:
            return self.name
        choices, searched = self.config["choices"], {range_.key for range_ in self.ranges}
        groups = [group for group in ("model", "loss") if group not in searched]
        readable = [choices.get("search", "search"), *(choices[group] for group in groups)]
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:8]
        return "_".join([*readable, self.config["data"]["name"], digest])

    @property
    def folder(self) -> Path:
        """Where everything about it is kept."""
        return Path(self.config["output_dir"]) / "searches" / self.folder_name


def without_search(cfg: DictConfig) -> DictConfig:
    """The config of a run, though an experiment may choose a search."""
    OmegaConf.set_struct(cfg, False)
    cfg.pop("search", None)
    cfg.choices.pop("search", None)
    OmegaConf.set_struct(cfg, True)
    return cfg


def words_of(config: Config, searched: set[str]) -> tuple[str, ...]:
    """The words that compose this config again, in a fixed order, but for what is searched."""
    defaults = default_choices()
    groups = [
        f"{group}={option}"
        for group, option in config["choices"].items()
        if defaults.get(group) != option and group != "search"
    ]
    words = [*sorted(groups), *config["changes"]]
    return tuple(
        word for word in words if key_of(word) not in searched and not key_of(word).startswith("search.")
    )


@cache
def default_choices() -> dict[str, str]:
    """The choice of each group where no word says another."""
    return dict(compose().choices)


def check_settings(node: dict[str, Any]) -> None:
    """Refuses settings that a search does not have, and metrics that it cannot go by.

    Raises:
        UserError: naming the setting.
    """
    known = {known.name for known in fields(Settings)} - {"config", "words", "node"}
    for key in node:
        if key not in known:
            raise UserError(f"search.{key} is not a key of the config.{did_you_mean(key, known)}")
    for key in known:
        if key not in node:
            raise UserError(f"search.{key} is missing from the config. Choose search=default, ae or vae.")
    metric, direction = node["metric"], node["direction"]
    if not metric.startswith("val/"):
        raise UserError(
            f"search.metric={metric} is not possible. Use a metric of validation, as val/loss or val/mse: "
            "what chooses must not be what judges in the end."
        )
    if (metric in LOWER and direction == "maximize") or (metric in HIGHER and direction == "minimize"):
        right, better = ("minimize", "lower") if metric in LOWER else ("maximize", "higher")
        raise UserError(f"{metric} is better where it is {better}: say search.direction={right}.")
    storage = node["storage"]
    if storage is not None and (not isinstance(storage, str) or "://" not in storage):
        # not shown: it may hold a password
        raise UserError("search.storage is not a URL. Use one such as postgresql://user@host/base, or null.")


def check_devices(config: Config) -> None:
    """Refuses trials of several processes: each would start a search of its own.

    Raises:
        UserError: naming the key.
    """
    for key in ("devices", "num_nodes"):
        value = config["trainer"].get(key, 1)
        if value != 1 and not (isinstance(value, list) and len(value) == 1):
            raise UserError(
                f"trainer.{key}={shown(value)} does not go with a search, whose trials are one process each. "
                "Run the same command several times instead, with a device for each."
            )


def check_key(key: str) -> None:
    """Refuses to search what is no matter of search.

    Raises:
        UserError: naming the key.
    """
    if key.split(".")[0] in (*BESIDES, "search", "sweep", "hydra") or key in ("data.root", "data.fallback"):
        raise UserError(f"search.ranges.{key} changes no number of a run. Take it out.")
    if key in ("seed", "data.seed"):
        raise UserError(
            f"search.ranges.{key} would find the luckiest seed. Take it out; compare seeds later."
        )


def refuse_another(old: dict[str, Any], new: dict[str, Any], name: str) -> None:
    """A search goes on only as it began.

    Raises:
        UserError: saying what has changed.
    """
    differing = compared(old, new)
    if differing:
        texts = "; ".join(differing.values())
        raise UserError(f"The search {name} is another: {texts}. Choose another search.name.")
