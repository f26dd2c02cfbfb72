"""Instantiates the classes that a config names by `_target_`, and checks their options."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException

from jlml.config.check import expected
from jlml.config.keys import shown
from jlml.errors import UserError, did_you_mean

# keys for Hydra, not for the class
HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
MOST_LISTED = 20  # options of a class in a message; lightning.Trainer has twice this number
MISTAKES = (
    *(TypeError, ValueError, RuntimeError, ImportError),
    *(InstantiationException, OmegaConfBaseException),
)


def make(node: Any, key: str, **arguments: Any) -> Any:
    """Creates the object that a config node with a `_target_` describes.

    Args:
        node: plain, resolved config node.
        key: key of the node, for messages.
        arguments: further arguments of the class, passed on unchanged.

    Raises:
        UserError: the class does not exist, or rejects its options.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise UserError(f"{key} has no class. Choose one of the options of its group, or set {key}._target_.")
    check_options(node, key)
    for name in arguments:
        if name in node:
            raise UserError(f"{key}.{name} cannot be set: jlml sets it. Leave it out.")
    try:
        build: Callable[..., Any] = instantiate({**node, "_partial_": True}, _convert_="all")
        return partial(build, **arguments) if node.get("_partial_") else build(**arguments)
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, MISTAKES) and not is_misconfiguration(error):
            raise
        sentence = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"{key}: {node['_target_']} cannot be built: {sentence}.{hint_on(sentence)}"
        ) from error


def hint_on(sentence: str) -> str:
    """What to do if a network of one's own does not take an option that the model passes on."""
    found = re.search("unexpected keyword argument '(activation|norm|dropout|init)'", sentence)
    return f" If your network has no such option, use model.{found[1]}=null." if found else ""


def is_misconfiguration(error: BaseException) -> bool:
    """Whether this is Lightning's MisconfigurationException. By name, because it moved between modules."""
    return type(error).__name__ == "MisconfigurationException"


def nodes_with_targets(node: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every (key, node) of a config with a `_target_`, outermost first."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield key, node
        for name, value in node.items():
            yield from nodes_with_targets(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, (list, tuple)):
        for position, value in enumerate(node):
            yield from nodes_with_targets(value, f"{key}[{position}]")


def locate(target: str, key: str) -> Any:
    """Imports the object at a dotted path.

    Raises:
        UserError: it cannot be imported.
    """
    module_name, *attributes = target.split(".")
    try:
        found: Any = importlib.import_module(module_name)
        for name in attributes:
            if not hasattr(found, name):
                importlib.import_module(f"{found.__name__}.{name}")
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        module, _, name = target.rpartition(".")
        hint = did_you_mean(name, dir(sys.modules.get(module)) if module in sys.modules else ())
        raise UserError(f"{key}._target_={target} cannot be imported.{hint}") from error
    return found


def check_options(node: Mapping[str, Any], key: str) -> None:
    """Refuses an option that the class of a node, or of a nested node, does not take.

    Raises:
        UserError: the message names the option and what is allowed.
    """
    for place, inner in nodes_with_targets(node, key):
        allowed = options_of(locate(str(inner["_target_"]), place))
        if allowed is None:
            continue
        for name, value in inner.items():
            if name in allowed and not fits(value, allowed[name]):
                raise UserError(
                    f"{place}.{name}={shown(value)} is invalid: expected {expected(allowed[name])}."
                )
            if name not in allowed and name not in HYDRA_KEYS:
                takes = f" It takes: {', '.join(sorted(allowed))}." if len(allowed) <= MOST_LISTED else ""
                hint = did_you_mean(name, allowed)
                raise UserError(f"{place}.{name} is not an option of {inner['_target_']}.{hint}{takes}")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value has a type that is bool, int, float, str, None or a union of them.

    True for any other type.
    """
    types = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if not set(types) <= {bool, int, float, str, NoneType}:
        return True
    return type(value) in types or (isinstance(value, int) and type(value) is not bool and float in types)


def options_of(target: Callable[..., Any]) -> dict[str, Any] | None:
    """Names and types of the keyword arguments of a class or function, with a base class's through ``**``.

    None if they are unknown.
    """
    inits: list[Any] = [target]
    if inspect.isclass(target):
        inits = [vars(parent)["__init__"] for parent in target.__mro__ if "__init__" in vars(parent)]
    options: dict[str, Any] = {}
    for function in inits:
        try:
            parameters = parameters_of(function)
        except (TypeError, ValueError):
            return None
        named = (p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        options = {p.name: p.annotation for p in named if p.name != "self"} | options
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return options
    return None


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function, with evaluated annotations if that is possible."""
    try:
        return list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError:  # an annotation that only a type checker can evaluate
        return list(inspect.signature(function).parameters.values())
