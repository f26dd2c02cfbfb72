"""From words on a command line to a checked config, and from a config to objects."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from jlml.errors import UserError, did_you_mean, gist

CONF = Path(__file__).parent.parent / "conf"
Config = dict[str, Any]

# Keys in which a config speaks to Hydra, not to the class it names.
HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
TRUSTED_PACKAGES = ("jlml", "torch.optim", "torch.nn", "lightning")


def compose(*overrides: str, config_name: str = "train") -> DictConfig:
    """The config that these words would give on the command line: ``compose("model=ae", "latent.dim=3")``."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose(config_name, list(overrides), return_hydra_config=True)
    task = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return with_choices(task, composed.hydra)


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
    task.changes = [word for word in words if word.split("=")[0].lstrip("+~") not in groups]
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


def make(node: Mapping[str, Any], key: str, **arguments: Any) -> Any:
    """The object that a config node with a `_target_` describes, with ``arguments`` besides.

    Args:
        node: plain, resolved.
        key: where the node stands in the config, for messages.
        arguments: passed on as they are.

    Raises:
        UserError: the class is not there, or refuses what it is given.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise UserError(f"{key} names no class. Choose one of the files of its group, or set {key}._target_.")
    check_options(node, key)
    try:
        build: Callable[..., Any] = instantiate({**node, "_partial_": True}, _convert_="all")
        return partial(build, **arguments) if node.get("_partial_") else build(**arguments)
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, (TypeError, ValueError, InstantiationException)) and not is_misconfiguration(
            error
        ):
            raise
        sentence = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{key} does not make a {node['_target_']}: {sentence}.") from error


def is_misconfiguration(error: BaseException) -> bool:
    """Lightning's own word for a user's mistake; it moved between modules, so the name decides."""
    return type(error).__name__ == "MisconfigurationException"


def nodes_with_targets(node: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every (key, node) of a config that names a class, outermost first."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield key, node
        for name, value in node.items():
            yield from nodes_with_targets(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, (list, tuple)):
        for position, value in enumerate(node):
            yield from nodes_with_targets(value, f"{key}[{position}]")


def check_targets(config: Mapping[str, Any]) -> None:
    """Refuses a config, read from a run, that names anything but a class of jlml, torch or lightning.

    Raises:
        UserError: a target is outside the trusted packages, or is no class of theirs.
    """
    for key, node in nodes_with_targets(config):
        target = node["_target_"]
        known = isinstance(target, str) and target.startswith(tuple(f"{name}." for name in TRUSTED_PACKAGES))
        # a dotted path can lead out of a package again (jlml.data.sources.os.system): ask the class itself
        found = locate(target, key) if known else None
        home = getattr(found, "__module__", "") if inspect.isclass(found) else ""
        if not any(home == name or home.startswith(f"{name}.") for name in TRUSTED_PACKAGES):
            raise UserError(
                f"{key}._target_={target} is not a class of {', '.join(TRUSTED_PACKAGES)}, and a run folder "
                "can come from anyone. If you know this one, say trust=true."
            )


def locate(target: str, key: str) -> Any:
    """What a dotted path names.

    Raises:
        UserError: nothing does.
    """
    module_name, *attributes = target.split(".")
    try:
        found: Any = importlib.import_module(module_name)
        for name in attributes:
            if not hasattr(found, name):
                importlib.import_module(f"{found.__name__}.{name}")
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{key}._target_={target} names nothing that can be imported ({error}).") from error
    return found


def check_options(node: Mapping[str, Any], key: str) -> None:
    """Refuses an option that the node's class does not take, here and in the nodes within.

    Raises:
        UserError: naming the option and what is allowed.
    """
    for place, inner in nodes_with_targets(node, key):
        allowed = options_of(locate(str(inner["_target_"]), place))
        if allowed is None:
            continue
        for name in inner:
            if name not in allowed and name not in HYDRA_KEYS:
                raise UserError(
                    f"{place}.{name} is not an option of {inner['_target_']}.{did_you_mean(name, allowed)} "
                    f"It takes: {', '.join(sorted(allowed))}."
                )


def options_of(target: Callable[..., Any]) -> set[str] | None:
    """Names of the keyword arguments, those that a base class takes through ``**`` included.

    None where they cannot be known.
    """
    inits: list[Any] = [target]
    if inspect.isclass(target):
        inits = [vars(parent)["__init__"] for parent in target.__mro__ if "__init__" in vars(parent)]
    names: set[str] = set()
    for function in inits:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return None
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {"self"}
    return None


# --- What a value may be -------------------------------------------------------------------------------


def whole(least: int) -> tuple[Callable[[Any], bool], str]:
    """A whole number of at least so much."""
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least, (
        f"a whole number of at least {least}"
    )


def number(
    least: float, *, above: bool = False, below: float | None = None
) -> tuple[Callable[[Any], bool], str]:
    """A finite number from ``least`` on, or strictly above it, and strictly below ``below``."""

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            return False
        return (value > least if above else value >= least) and (below is None or value < below)

    end = "" if below is None else f" and below {below:g}"
    return fits, f"a number {'above' if above else 'of at least'} {least:g}{end}"


def one_of(*names: str) -> tuple[Callable[[Any], bool], str]:
    """One of these words."""
    return lambda v: v in names, f"one of: {', '.join(names)}"


def widths() -> tuple[Callable[[Any], bool], str]:
    """A list, possibly empty, of layer widths."""
    fits, _ = whole(1)
    return (
        lambda v: isinstance(v, list) and all(map(fits, v)),
        "a list of whole numbers of at least 1, as [128,64]",
    )


def pairs() -> tuple[Callable[[Any], bool], str]:
    """A list of pairs of classes."""
    fits, _ = whole(0)

    def is_pair(value: Any) -> bool:
        return isinstance(value, list) and len(value) == 2 and all(map(fits, value))

    return (
        lambda v: isinstance(v, list) and all(map(is_pair, v)),
        "a list of pairs of classes, as [[4,9],[3,8]]",
    )


def optional(rule: tuple[Callable[[Any], bool], str]) -> tuple[Callable[[Any], bool], str]:
    """None, or what the rule allows."""
    fits, allowed = rule
    return lambda v: v is None or fits(v), f"{allowed}, or null"


def truth() -> tuple[Callable[[Any], bool], str]:
    """True or false."""
    return lambda v: isinstance(v, bool), "true or false"


RULES = {
    "seed": whole(0),
    "draw_every": optional(whole(1)),
    "early_stopping": optional(whole(1)),
    "data.batch_size": whole(1),
    "data.eval_batch_size": whole(1),
    "data.image_size": optional(whole(1)),
    "data.fit": one_of("pad", "resize"),
    "data.pixels": one_of("grey", "dequantized", "binarized"),
    "data.subset": optional(whole(1)),
    "data.fallback": truth(),
    "data.seed": whole(0),
    "model.hidden": widths(),
    "model.channels": widths(),
    "model.code": one_of("dense", "spatial"),
    "model.dense_channels": whole(1),
    "model.beta": number(0),
    "model.kl_warmup_epochs": whole(0),
    "loss.scale": number(0, above=True),
    "loss.link": one_of("sigmoid", "identity"),
    "loss.limit": number(0, below=0.5),
    "latent.dim": whole(1),
    "optimizer.lr": number(0, above=True),
    "optimizer.weight_decay": number(0),
    "trainer.max_epochs": whole(1),
    "trainer.log_every_n_steps": whole(1),
    "trainer.gradient_clip_val": optional(number(0, above=True)),
    "callbacks.*.every": optional(whole(1)),
    "callbacks.*.images": whole(1),
    "callbacks.reconstructions.per_class": whole(1),
    "callbacks.interpolations.pairs": pairs(),
    "callbacks.interpolations.steps": whole(2),
    "callbacks.samples.rows": whole(1),
    "callbacks.samples.columns": whole(1),
    "callbacks.manifold.side": whole(2),
}


NEEDED = ("seed", "output_dir", "data._target_", "model._target_", "loss._target_", "latent.dim",
          "optimizer._target_", "trainer._target_")  # fmt: skip


def known_keys() -> set[str]:
    """Every key that some file under conf/ has, dotted: what a mistyped one can be compared with."""
    keys: set[str] = set()
    for file in CONF.rglob("*.yaml"):
        group = ".".join(file.relative_to(CONF).parts[:-1])
        if not group.startswith(("hydra", "experiment")):
            keys |= set(_dotted(OmegaConf.to_container(OmegaConf.load(file)), group))
    return keys


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
    known = known_keys() | {"choices", "changes", "image_shape"}
    for key in (*config, *(f"latent.{name}" for name in config.get("latent") or {})):
        if key not in known:
            raise UserError(f"{key} is not a key of the config.{did_you_mean(key, known)}")
    for key in NEEDED:
        if value_at(config, key) in (..., None):
            raise UserError(
                f"{key} is missing from the config. Choose or set it, as in `python train.py --help`."
            )


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted key; ``...`` where there is none."""
    value: Any = config
    for name in key.split("."):
        value = value.get(name, ...) if isinstance(value, Mapping) else ...
    return value


def check_values(config: Mapping[str, Any]) -> None:
    """Refuses impossible values of jlml's own keys, before anything is built from them.

    Raises:
        UserError: naming the key, the value and what is allowed.
    """
    drawn = config.get("callbacks") or {}
    rules = {
        key.replace("*", name): rule
        for key, rule in RULES.items()
        for name in (drawn if "*" in key else [""])
    }
    for key, (fits, allowed) in rules.items():
        value = value_at(config, key)
        if value is not ... and not fits(value):
            raise UserError(f"{key}={shown(value)} is not possible. Use {allowed}.")


def shown(value: Any) -> str:
    """A value as one would type it on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
