"""From a config's nodes to objects: any class by its dotted path, with the options that it takes."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException

from jlml.errors import UserError, did_you_mean

# Keys in which a config speaks to Hydra, not to the class it names.
HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
MOST_LISTED = 20  # options of a class in one sentence; lightning.Trainer has twice as many
TRUSTED_PACKAGES = ("jlml", "torch.optim", "torch.nn", "lightning")
MISTAKES = (
    *(TypeError, ValueError, RuntimeError, ImportError),
    *(InstantiationException, OmegaConfBaseException),
)

# What a class is to be where it stands in a stranger's config. Elsewhere nothing is to be made.
KINDS = {
    r"data": ("jlml.data.MNISTDataModule",),
    r"model": ("jlml.models.Autoencoder",),
    r"model\..*": ("torch.nn.Module",),
    r"loss": ("jlml.losses.ObservationModel",),
    r"optimizer": ("torch.optim.Optimizer",),
    r"scheduler": ("torch.optim.lr_scheduler.LRScheduler",),
    r"trainer": ("lightning.Trainer",),
    r"callbacks\.[^.\[]*": ("jlml.callbacks.drawing.Drawing", "lightning.Callback"),
    r"logger": ("jlml.callbacks.TensorBoard",),
}
# writes, and deletes, where its options and its state in a checkpoint say
UNTRUSTED = "lightning.pytorch.callbacks.Checkpoint"


def make(node: Any, key: str, **arguments: Any) -> Any:
    """The object that a config node with a `_target_` describes, with ``arguments`` besides.

    Args:
        node: plain, resolved; whatever it is, a mapping is wanted.
        key: where the node stands in the config, for messages.
        arguments: passed on as they are.

    Raises:
        UserError: the class is not there, or refuses what it is given.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise UserError(f"{key} names no class. Choose one of the files of its group, or set {key}._target_.")
    check_options(node, key)
    for name in arguments:
        if name in node:
            raise UserError(f"{key}.{name} is not to be set: jlml itself says what it is. Leave it out.")
    try:
        build: Callable[..., Any] = instantiate({**node, "_partial_": True}, _convert_="all")
        return partial(build, **arguments) if node.get("_partial_") else build(**arguments)
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, MISTAKES) and not is_misconfiguration(error):
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
        UserError: a target is outside the trusted packages, is no class of theirs, or not of the kind that
            its place is for.
    """
    for key, node in nodes_with_targets(config):
        target = node["_target_"]
        found = trusted_class(target) if isinstance(target, str) else None
        kinds = next((kinds for place, kinds in KINDS.items() if re.fullmatch(place, key)), ())
        if found is None or not is_of(found, kinds):
            allowed = kinds if found else [f"a class of {', '.join(TRUSTED_PACKAGES)}"]
            if found is not None and issubclass(found, locate(UNTRUSTED, UNTRUSTED)):
                allowed = ["one that writes within the run folder alone"]
            raise UserError(
                f"{key}._target_={target} is not {' or '.join(allowed) or 'to be made'}, and a run folder "
                "can come from anyone. If you know this one, say trust=true."
            )


def trust_needed(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The word that a command needs to use a run of this config, if it needs one."""
    try:
        check_targets(config)
    except UserError:
        return ("trust=true",)
    return ()


def trusted_class(target: str) -> type | None:
    """The class that a dotted path names, if the path never leaves the trusted packages.

    It could: `jlml.data.sources.os.system` begins well. So every module and class on the way is asked where
    it is from, before anything is imported through it.
    """
    package = next((name for name in TRUSTED_PACKAGES if target.startswith(f"{name}.")), None)
    if package is None:
        return None
    found: Any = importlib.import_module(package)
    for word in target.removeprefix(f"{package}.").split("."):
        if not word.isidentifier() or word.startswith("_"):
            return None  # importing `package.__main__` would run a program
        try:
            if inspect.ismodule(found) and not hasattr(found, word):
                importlib.import_module(f"{found.__name__}.{word}")
            found = getattr(found, word)
        except Exception:  # importing may fail in any way
            return None
        home = getattr(found, "__name__" if inspect.ismodule(found) else "__module__", "")
        within = f"{home}.".startswith(tuple(f"{name}." for name in TRUSTED_PACKAGES))
        if not within or not (inspect.ismodule(found) or inspect.isclass(found)):
            return None
    return found if inspect.isclass(found) else None


def is_of(found: type, kinds: Iterable[str]) -> bool:
    """Whether a class derives from one of these, and can do no harm with what a config gives it."""
    return any(issubclass(found, locate(kind, kind)) for kind in kinds) and not issubclass(
        found, locate(UNTRUSTED, UNTRUSTED)
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
        home, _, name = target.rpartition(".")
        hint = did_you_mean(name, dir(sys.modules.get(home)) if home in sys.modules else ())
        raise UserError(f"{key}._target_={target} names nothing that can be imported.{hint}") from error
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
                takes = f" It takes: {', '.join(sorted(allowed))}." if len(allowed) <= MOST_LISTED else ""
                hint = did_you_mean(name, allowed)
                raise UserError(f"{place}.{name} is not an option of {inner['_target_']}.{hint}{takes}")


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
