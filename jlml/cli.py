"""What both doors share: a quick start, and a mistake that ends in one sentence and not in a traceback."""

import argparse
import atexit
import gc
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

from jlml.answers import answer
from jlml.errors import UserError, did_you_mean, printable

SWEEPS = ("-m", "--multirun", "hydra.mode=MULTIRUN")
ANSWERS = (
    *("-h", "-c", "-i", "-sc", "--help", "--hydra-help", "--cfg", "--info"),
    *("--version", "--shell-completion"),
)
HYDRA_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
HELP = ("-h", "--help")
ON_MNIST_5K = "Trained on mnist_5k, which has 4,000 training images where MNIST has 55,000."
# as the user has it, before the door sets it, for itself and for the processes that it starts
TRACEBACKS = os.environ.get("HYDRA_FULL_ERROR") == "1" and "JLML_DOOR" not in os.environ


def door(main: Callable[[Any], None], command: str, sweep: Callable[[Any], None] | None = None) -> None:
    """Runs a Hydra app. With HYDRA_FULL_ERROR=1 every error keeps its traceback.

    Args:
        main: takes the config.
        command: the name of its config in `conf/`.
        sweep: what runs the app where the command line asks for many runs; Hydra alone by default.
    """
    arguments = sys.argv[1:]
    if not is_sweep(arguments) and "hydra" not in " ".join(arguments):
        # launchers' plugins take .07 s to import, and only a sweep launches anything
        sys.modules["hydra_plugins"] = None  # type: ignore[assignment]
    if is_question(arguments):  # the answer makes little garbage, and looking for it takes .06 s
        gc.disable()
        atexit.register(gc.freeze)
    if os.environ.get("JLML_DATA") == "":  # as good as unset, which Hydra does not know
        del os.environ["JLML_DATA"]
    if not TRACEBACKS:
        os.environ["JLML_DOOR"] = "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints the error its own way and exits
    logging.basicConfig(level=logging.INFO, handlers=[Terminal(logging.WARNING)])
    argparse.ArgumentParser.error = refuse_flag  # type: ignore[method-assign,assignment]
    with one_sentence():
        refuse_folders(arguments)
        if is_help(arguments):
            print(answer(f"{command}_help", arguments, partial(help_of, command, arguments)), end="")
        elif is_plain_cfg(arguments):
            print(answer(f"{command}_cfg", arguments, partial(said_by, main, command)), end="")
        elif sweep is not None and is_sweep(arguments):
            sweep(app(main, command))
        else:
            app(main, command)()


def app(main: Callable[[Any], None], command: str) -> Callable[[], None]:
    """The app that composes a config from the command line. Here: no answer that is kept needs Hydra."""
    import hydra

    return hydra.main(config_path="conf", config_name=command, version_base="1.3")(main)


def help_of(command: str, arguments: Sequence[str]) -> str:
    """What --help says."""
    from jlml.config.help import help_text

    return help_text(command, [word for word in arguments if word not in HELP]) + "\n"


def said_by(main: Callable[[Any], None], command: str) -> str:
    """What Hydra prints where it is asked about the config."""
    with redirect_stdout(StringIO()) as said:
        app(main, command)()
    return said.getvalue()


@contextmanager
def importing() -> Iterator[None]:
    """Around imports of torch and lightning: they make millions of objects, and hardly any garbage.

    Python looks for it all the same, time and again, which takes a third of the time: 2 of 7 s. Nor does it
    look there later: a search is then short and comes often, where figures would wait for it by the hundred.
    """
    if gc.get_freeze_count():  # a job before has imported all, and what it has left may be garbage
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # else triton prints, at the end, all that it calls leaked
        gc.enable()


def refuse_flag(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """What argparse says to a wrong flag, without its page of usage.

    Raises:
        UserError: always.
    """
    unknown = re.match(r"unrecognized arguments: -+(\S*)", message)
    if unknown is None:
        raise UserError(f"{message[:1].upper()}{message[1:]}. See --help.")
    word = unknown[1]
    if "=" in word:
        raise UserError(f"{message.split()[-1]} is not a setting: settings have no dashes. Say {word}.")
    hint = did_you_mean(f"--{word}", (*ANSWERS, *SWEEPS))
    raise UserError(f"--{word} is not a flag.{hint} Settings are key=value, as latent.dim=10; see --help.")


def refuse_folders(arguments: Sequence[str]) -> None:
    """Hydra's own folders stay empty: nobody shall look there for a run.

    Lightning tells each process that it starts where that folder is: here.

    Raises:
        UserError: a word moves one.
    """
    for word in arguments:
        key, _, value = word.partition("=")
        if key.lstrip("+~") in HYDRA_FOLDERS and value.strip("'\"") != ".":
            raise UserError(f"{word} is not possible: jlml makes its own folders. Say output_dir=<folder>.")


def is_sweep(arguments: Sequence[str]) -> bool:
    """Whether a command line asks to train many runs, and not only about them."""
    return not flags_of(arguments).isdisjoint(SWEEPS) and not is_question(arguments)


def is_question(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for help, the config or the like, which trains nothing."""
    return not flags_of(arguments).isdisjoint(ANSWERS)


def flags_of(arguments: Sequence[str]) -> set[str]:
    """The words of a command line, flags without their values."""
    return {argument.split("=")[0] if argument[:1] == "-" else argument for argument in arguments}


def is_plain_cfg(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for the config of a run and, with other flags, for nothing else."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    return flags == ["--cfg"] and arguments[arguments.index("--cfg") + 1 :][:1] == ["job"]


def is_help(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for help and, with other flags, for nothing else."""
    flags = {argument for argument in arguments if argument.startswith("-")}
    return bool(flags) and flags.issubset(HELP)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turns an error that speaks to the user into the last line of the program."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
    except Exception as error:
        said = None if TRACEBACKS else sentence_to_user(error)
        if said is None:
            raise
        sys.exit(f"Error: {printable(said)}")


def sentence_to_user(error: Exception) -> str | None:
    """What to say instead of a traceback; None where the error is not of the user's making."""
    from hydra.errors import HydraException  # here and below: what ends well needs neither
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, (UserError, HydraException, OmegaConfBaseException)):
        return sentence(error)
    if isinstance(error, ValueError) and "Config group override" in str(error):
        return (
            "A group takes the name of a choice, as latent=d16 or scheduler=none. A number goes to a key: "
            "latent.dim=30."
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}."
    return None


class Terminal(logging.Handler):
    """Warnings in a frame, so that nobody misses them between progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        # rich costs a tenth of a second, and most runs have nothing to say here
        from rich.console import Console
        from rich.panel import Panel

        colour = "red" if record.levelno >= logging.ERROR else "yellow"
        text = record.getMessage()
        Console(stderr=True).print(
            Panel(text, title=record.levelname, border_style=f"bold {colour}"), markup=False
        )


def sentence(error: Exception) -> str:
    """What a person needs to know of an error, whoever raised it."""
    from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException

    if isinstance(error, MissingConfigException) and error.options is not None and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        hint = did_you_mean(option, error.options)
        return f"{group}={option} is not a choice.{hint} Choose one of: {', '.join(sorted(error.options))}."
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override!r} is not a setting. Write key=value or group=choice, as latent.dim=10; a "
            "value with signs like = or [ in two pairs of quotes, as 'run=\"a=b\"'."
        )
    if "Ambiguous value for argument" in str(error):
        return "Several values of a key are a list, key=[a,b], or for train.py -m a sweep, key=a,b."
    unknown = re.match(r"Could not override '([^']*)'", str(error))
    if isinstance(error, ConfigCompositionException) and unknown:
        # here: a good command need not read every file
        from jlml.config import homes_of, keys_of_evaluation, known_keys

        key, homes = unknown[1], homes_of(unknown[1])
        if Path(sys.argv[0]).stem == "evaluate":
            hint = did_you_mean(key, keys_of_evaluation())
            return f"{key} is not a key of an evaluation.{hint} The run says the rest; see --cfg job."
        if not key:
            return "A setting has no key. Write key=value or group=choice, as latent.dim=10."
        if key.startswith("search.ranges.") and "Key 'search'" not in str(error):
            return f"{key} is no range of this search yet. Add it with a plus: '+{key}=...'."
        if homes:
            return f"{key} is a key of {' and '.join(homes)}, which this command does not choose."
        hint = did_you_mean(key, known_keys())
        return f"{key} is not a key of the config.{hint} See --cfg job for all keys."
    return " ".join(str(error).split())
