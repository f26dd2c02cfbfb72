"""Which keys a config has and must have."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from jlml.config.composed import CONF
from jlml.errors import UserError, did_you_mean

NEEDED = (
    "seed",
    "output_dir",
    "data._target_",
    "data.name",
    "data.batch_size",
    "data.pixels",
    "model._target_",
    "loss._target_",
    "latent.dim",
    "optimizer._target_",
    "trainer._target_",
    "trainer.max_epochs",
)

OWN_GROUPS = ("latent", "checkpoints", "sweep")  # that name no class whose options tell which keys they have
GROUPS = (*OWN_GROUPS, "callbacks", "scheduler", "logger")


def known_keys() -> set[str]:
    """Every key that some file under conf/ has, dotted: what a mistyped one can be compared with."""
    return {key for _, keys in _files() for key in keys}


def keys_of_training() -> set[str]:
    """Every key of a training run: all but those of evaluate.yaml alone."""
    return {key for choice, keys in _files() for key in keys if choice != "=evaluate"}


def keys_of_evaluation() -> set[str]:
    """Every key of evaluate.yaml."""
    return {key for choice, keys in _files() for key in keys if choice == "=evaluate"}


def homes_of(key: str) -> list[str]:
    """The choices, as ``loss=mse``, whose file has this key."""
    # train.yaml and evaluate.yaml are in no group, so nobody chooses them
    return sorted(choice for choice, keys in _files() if key in keys and not choice.startswith("="))


@cache
def _files() -> list[tuple[str, set[str]]]:
    """Every file under conf/ as a choice, with its keys; read once."""
    files = []
    for file in CONF.rglob("*.yaml"):
        group = ".".join(file.relative_to(CONF).parts[:-1])
        if not group.startswith(("hydra", "experiment")):
            keys = set(_dotted(OmegaConf.to_container(OmegaConf.load(file)), group))
            files.append((f"{group}={file.stem}", keys))
    return files


def _dotted(node: Any, key: str) -> Iterator[str]:
    if key:
        yield key
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name not in ("defaults", "hydra"):
                yield from _dotted(value, f"{key}.{name}" if key else str(name))


def check_keys(config: Mapping[str, Any]) -> None:
    """Refuses keys that jlml would never read, and a config that lacks what it must.

    Inside a node that names a class, `check_options` judges by what the class takes.

    Raises:
        UserError: naming the key.
    """
    known = keys_of_training() | {"choices", "changes", "image_shape"}
    check_groups(config, GROUPS)
    within = (f"{group}.{name}" for group in OWN_GROUPS for name in config.get(group) or {})
    for key in (*config, *within):
        if key not in known:
            raise UserError(f"{key} is not a key of the config.{did_you_mean(key, known)}")
    for key in NEEDED:
        if value_at(config, key) in (..., None):
            raise UserError(
                f"{key} is missing from the config. Choose or set it, as in `python train.py --help`."
            )


def check_groups(config: Mapping[str, Any], groups: Sequence[str], *, needed: bool = False) -> None:
    """Refuses a single value where keys belong.

    Raises:
        UserError: naming the group.
    """
    for group in groups:
        value = config.get(group)
        if not isinstance(value, Mapping) and (needed or value is not None):
            raise UserError(f"{group}={value} is not possible: {group} holds keys, {group}.<key>=... each.")


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted key; ``...`` where there is none."""
    value: Any = config
    for name in key.split("."):
        value = value.get(name, ...) if isinstance(value, Mapping) else ...
    return value
