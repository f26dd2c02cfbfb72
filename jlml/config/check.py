"""Checks configs against the schema before anything is built from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from jlml.config.keys import flat, no_such_key, shown, value_at
from jlml.config.schema import Evaluate, Expected, Train
from jlml.errors import UserError, did_you_mean

LARGEST = 2**63 - 1  # torch's integers have 64 bits
LONGEST_SHOWN = 80  # characters of a value in a message
SIGNS = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}
NOUNS = {int: ("an integer", "integers"), float: ("a number", "numbers"), str: ("a text", "texts")}


def check(config: Mapping[str, Any]) -> None:
    """Refuses a training config with unknown keys, missing keys or invalid values.

    Raises:
        UserError: the message names the key, the value and what is expected.
    """
    validate(Train, config)
    check_processes(config)


def check_evaluation(config: Mapping[str, Any]) -> None:
    """Refuses an evaluation config with unknown keys, missing keys or invalid values."""
    validate(Evaluate, config)


def validate(schema: type[BaseModel], config: Mapping[str, Any]) -> None:
    """Checks a config against a schema.

    Raises:
        UserError: about the first invalid key.
    """
    for key, value in flat(config):
        if any(abs(number) > LARGEST for number in numbers_in(value)):
            raise UserError(f"{key}={shortened(shown(value))} is invalid: expected an integer below 2^63.")
    try:
        schema.model_validate(dict(config))
    except ValidationError as errors:
        first = errors.errors(include_url=False, include_context=False)[0]
        raise UserError(sentence_about(schema, config, first["type"], first["loc"])) from None


def sentence_about(
    schema: type[BaseModel], config: Mapping[str, Any], kind: str, place: Sequence[int | str]
) -> str:
    """The message about a value at a path in the config: what is wrong, and what is expected."""
    names, field = find_field(schema, place)
    key = ".".join(names)
    if kind == "extra_forbidden":
        return no_such_key(key)
    if kind == "missing":
        return f"{key} is missing from the config. Choose or set it, see `python train.py --help`."
    value = shortened(shown(value_at(config, key)))
    if field is None or kind in ("model_type", "dict_type"):
        return f"{key}={value} is invalid: {key} is a group of keys, set {key}.<key>=..."
    annotation = annotated(field)
    hint = did_you_mean(value, choices(annotation))
    is_fixed = get_origin(annotation) is Literal and len(get_args(annotation)) == 1
    reason = f"; {field.description}" if is_fixed else ""
    return f"{key}={value} is invalid: expected {expected(annotation)}{reason}.{hint}"


def numbers_in(value: Any) -> Iterator[int]:
    """The integers of a value and, if it is a list, of its items."""
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int):
        yield value


def find_field(schema: type[BaseModel], place: Sequence[int | str]) -> tuple[list[str], FieldInfo | None]:
    """The names of a key at a path in the config, and its field; None if the schema has none.

    Stops at a key without further keys. Below it, a path contains list indices and branches of unions.
    """
    model: type[BaseModel] | None = schema
    names: list[str] = []
    field: FieldInfo | None = None
    steps = iter(place)
    for step in steps:
        names.append(str(step))
        assert model is not None
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == step), None)
        model, is_in_dict = (None, False) if field is None else model_in(field.annotation)
        if is_in_dict and (name := next(steps, None)) is not None:
            names.append(str(name))  # a name that the user chose
            field = None
        if model is None:
            break
    return names, field


def model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The schema inside a type, if any, and whether it is the value type of a dict."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        model, _ = model_in(inner)
        if model is not None:
            return model, get_origin(annotation) is dict or model_in(inner)[1]
    return None, False


def annotated(field: FieldInfo) -> Any:
    """The type of a field, including its limits."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def expected(annotation: Any, plural: bool = False) -> str:
    """A phrase that describes the allowed values of a type."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        base, *limits = inner
        custom = next((limit.phrase for limit in limits if isinstance(limit, Expected)), None)
        return custom or f"{expected(base, plural)} {' and '.join(bounds(limits))}".rstrip()
    if origin in (Union, UnionType):
        return ", or ".join(expected(some) for some in inner if some is not NoneType) + (
            ", or null" if NoneType in inner else ""
        )
    if origin is Literal:
        return shown(inner[0]) if len(inner) == 1 else f"one of: {', '.join(map(shown, inner))}"
    if origin is list:
        return f"a list of {expected(inner[0], plural=True)}"
    if annotation is bool:
        return "true or false"
    return NOUNS[annotation][plural] if annotation in NOUNS else "something else"


def bounds(limits: Sequence[Any]) -> Iterator[str]:
    """The bounds among the limits of a type, for example ``>= 1``."""
    for limit in limits:
        if type(limit) in SIGNS:
            (bound,) = asdict(limit).values()
            yield f"{SIGNS[type(limit)]} {bound}"


def choices(annotation: Any) -> list[str]:
    """The allowed values of a `Literal` type, including nested ones; empty for any other type."""
    if get_origin(annotation) is Literal:
        return [shown(value) for value in get_args(annotation)]
    return [choice for inner in get_args(annotation) for choice in choices(inner) if isinstance(choice, str)]


def shortened(text: str) -> str:
    """A text cut to a length that fits into a message."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def check_job(config: Mapping[str, Any]) -> None:
    """Refuses a sweep of runs that need a command without -m.

    Raises:
        UserError: the config is a search, resumes a run, or needs several processes, each of which would
            start the sweep again.
    """
    if config.get("search") is not None:
        raise UserError("search=... already trains many runs: leave -m out.")
    if config.get("resume") is not None:
        raise UserError("resume=... is one run: leave -m out. To resume a sweep, repeat its command.")
    if config["trainer"].get("strategy") == "ddp":
        raise UserError(
            "trainer.strategy=ddp does not work with -m: each process of a run would start the sweep again. "
            "Use one command per run, without -m, or use trainer=default, one process per run."
        )


def check_processes(config: Mapping[str, Any]) -> None:
    """Refuses several processes without ddp, and a batch size that they cannot share equally.

    Raises:
        UserError: the message names the keys.
    """
    trainer = config["trainer"]
    devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
    processes = nodes * (len(devices) if isinstance(devices, list) else devices)
    if processes > 1 and trainer.get("strategy", "auto") != "ddp":
        raise UserError(
            f"trainer.devices={shown(devices)} and trainer.num_nodes={nodes} train in {processes} processes. "
            "Use trainer=ddp for that, or one device."
        )
    batch_size = config["data"]["batch_size"]
    if batch_size % processes:
        raise UserError(
            f"data.batch_size={batch_size} is invalid for {processes} processes: they share each batch "
            f"equally. Use a multiple of {processes}."
        )
