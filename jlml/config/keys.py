"""The keys of configs, the files that define them, and the text form of values."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pydantic import BaseModel

from jlml.config.schema import Evaluate, Train
from jlml.errors import did_you_mean

PACKAGE = Path(__file__).parents[1]
CONF = (
    PACKAGE / "conf" if (PACKAGE / "conf").is_dir() else PACKAGE.parent / "conf"
)  # inside the installed package, or beside it in a checkout
# names that users know from other tools -> what to write here
USUAL_NAMES = {
    "epochs": "trainer.max_epochs",
    "gpu": "trainer=gpu",
    "gpus": "trainer=gpu",
    "learning_rate": "optimizer.lr",
    "latent_size": "latent.dim",
    "z_dim": "latent.dim",
    "dataset": "data",
    "data_dir": "data.root",
    "debug": "trainer=debug",
    "fast_dev_run": "trainer=debug",
    "ckpt_path": "resume=<run folder>",
    "train": "python evaluate.py run=<run folder>",
    "test": "python evaluate.py run=<run folder>",
    "early_stopping": "early_stopping=<epochs>",
    "model_checkpoint": "keep_checkpoints_every=<epochs>",
    "hparams_search": "search",
    "task_name": "name",
    "run_name": "name",
    "print_config": "--cfg job",
    "model_summary": "+trainer.enable_model_summary=true",
}


def known_keys() -> set[str]:
    """Every dotted key of a training config, to find the key that a user may have meant."""
    return {key for _, keys in _files() for key in keys} | set(_keys_of(Train))


def keys_of_evaluation() -> set[str]:
    """Every dotted key of an evaluation config."""
    return set(_keys_of(Evaluate))


def meant_by(name: str) -> str | None:
    """The key or choice that a name usually means: ``optimizer.lr`` for ``lr``."""
    name = name.replace("-", "_")
    if name in known_keys() and name.rpartition(".")[2] not in USUAL_NAMES:
        return None
    ends = [key for key in known_keys() if key.endswith(f".{name}")]
    usual = (USUAL_NAMES[part] for part in reversed(name.split(".")) if part in USUAL_NAMES)
    return next(usual, None) or min(ends, key=len, default=None)


def no_such_key(key: str) -> str:
    """The message about a key that no training config has."""
    meant = meant_by(key)
    hint = f" Did you mean {meant}?" if meant else did_you_mean(key, known_keys())
    return f"{key} is not a key of the config.{hint} See --cfg job for all keys."


def choices_with(key: str) -> list[str]:
    """The choices whose file has this key, for example ``loss=mse``."""
    return sorted(choice for choice, keys in _files() if key in keys)


@cache
def _files() -> list[tuple[str, set[str]]]:
    """Every choice of the groups in conf/, with the keys in its file."""
    files = []
    for file in CONF.glob("*/*.yaml"):
        group = file.parent.name
        if group not in ("hydra", "experiment"):
            keys = set(_dotted(OmegaConf.to_container(OmegaConf.load(file)), group))
            files.append((f"{group}={file.stem}", keys))
    return files


def _dotted(node: Any, key: str) -> Iterator[str]:
    yield key
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name != "defaults":
                yield from _dotted(value, f"{key}.{name}")


def _keys_of(schema: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in schema.model_fields.items():
        yield f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys_of(field.annotation, f"{prefix}{name}.")


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; ``...`` if there is none."""
    value: Any = config
    for name in key.split("."):
        value = value.get(name, ...) if isinstance(value, Mapping) else ...
    return value


def shown(value: Any) -> str:
    """The text form of a value on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All values of nested mappings with their dotted keys."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
