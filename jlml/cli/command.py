"""Runs a Hydra app with a fast start, and prints users' mistakes as one sentence without a traceback."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from jlml.cli.streams import silence_when_closed
from jlml.distributed.orphans import end_with_parent
from jlml.errors import Stopped, UserError, did_you_mean, printable
from jlml.speed.startup import importing

MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
HELP = ("-h", "--help")
INFO_FLAGS = (
    *HELP,
    *("-c", "--cfg", "-i", "--info", "-sc", "--shell-completion", "--hydra-help", "--version"),
)
OTHER_FLAGS = (
    *("-p", "--package", "-r", "--run", "--resolve", "-cp", "--config-path", "-cn", "--config-name"),
    *("-cd", "--config-dir", "--experimental-rerun"),
)
FLAGS = (*MULTIRUN[:2], *INFO_FLAGS, *OTHER_FLAGS)
CFG = ("job", "hydra", "all")  # values of --cfg
HYDRA_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir")
# the user's setting; `run_command` changes the variable for itself and for its child processes
TRACEBACKS = os.environ.get("HYDRA_FULL_ERROR") == "1" and "JLML_COMMAND" not in os.environ


def run_command(
    main: Callable[[Any], None], config_name: str, sweep: Callable[[Any], None] | None = None
) -> None:
    """Runs a Hydra app on the arguments of the command line.

    With HYDRA_FULL_ERROR=1 every error keeps its traceback.

    Args:
        main: function that takes the composed config.
        config_name: name of the config file in `conf/`.
        sweep: runs the app with several configs, for a command line with -m; by default Hydra does.
    """
    end_with_parent()
    silence_when_closed()
    arguments = sys.argv[1:] = flags_last(sys.argv[1:])
    if os.environ.get("JLML_DATA") == "":  # treat empty as unset, unlike Hydra
        del os.environ["JLML_DATA"]
    if not TRACEBACKS:
        os.environ["JLML_COMMAND"] = config_name
    os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra prints the error itself and exits
    logging.basicConfig(level=logging.INFO, handlers=[Terminal(logging.WARNING)])
    with one_sentence(), importing() if only_prints(arguments) else nullcontext():
        from jlml.config import check_overrides  # not earlier: it imports Hydra

        check_flags(arguments)
        refuse_folders(arguments)
        check_overrides([argument for argument in arguments if "=" in argument and argument[0] != "-"])
        if is_help(arguments):
            from jlml.config.help import help_text

            print(help_text(config_name, [argument for argument in arguments if argument not in HELP]))
        elif sweep is not None and is_sweep(arguments):
            sweep(hydra_app(main, config_name))
        else:
            hydra_app(main, config_name)()


def hydra_app(main: Callable[[Any], None], config_name: str) -> Callable[[], None]:
    """The Hydra app that composes a config from the command line."""
    import hydra

    from jlml.config import CONF, register_project

    register_project()
    return hydra.main(config_path=str(CONF), config_name=config_name, version_base="1.3")(main)


def flags_last(arguments: Sequence[str]) -> list[str]:
    """The arguments with all overrides first, because Hydra's parser takes none after `--cfg job`."""
    overrides: list[str] = []
    flags: list[str] = []
    for previous, argument in zip(["", *arguments], arguments, strict=False):
        is_value = previous.startswith("-") and "=" not in argument and not argument.startswith("~")
        (flags if argument.startswith("-") or is_value else overrides).append(argument)
    return overrides + flags


def check_flags(arguments: Sequence[str]) -> None:
    """Refuses flags that Hydra does not have, and overrides with dashes.

    Raises:
        UserError: the message names the argument.
    """
    from jlml.config import meant_by

    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        flag, has_value, value = argument.partition("=")
        if not flag.startswith("-"):
            continue
        if flag in FLAGS:
            chosen = value if has_value else following
            if flag in ("-c", "--cfg") and chosen not in CFG:
                raise UserError(f"{flag} {chosen} is invalid: expected one of: {', '.join(CFG)}.")
            continue
        meant = meant_by(flag.lstrip("-"))
        if has_value:
            instead = argument.lstrip("-") if meant is None else meant if "=" in meant else f"{meant}={value}"
            raise UserError(f"{argument} is not an override: overrides have no dashes. Use {instead}.")
        hint = f" Did you mean {meant}?" if meant else did_you_mean(flag, FLAGS)
        raise UserError(
            f"{flag} is not a flag.{hint} Overrides are key=value, for example latent.dim=10; see --help."
        )
    if "--resolve" in flags_of(arguments) and flags_of(arguments).isdisjoint(("-c", "--cfg")):
        raise UserError("--resolve needs --cfg, for example --cfg job --resolve.")


def refuse_folders(arguments: Sequence[str]) -> None:
    """Refuses overrides of Hydra's own folders, because jlml does not use them for runs.

    Raises:
        UserError: the message names the argument.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+~") in HYDRA_FOLDERS and value.strip("'\"") != ".":
            raise UserError(f"{argument} is invalid: jlml creates its own folders. Use output_dir=<folder>.")


def flags_of(arguments: Sequence[str]) -> set[str]:
    """The arguments as a set, flags without their values."""
    return {argument.split("=")[0] if argument[:1] == "-" else argument for argument in arguments}


def is_sweep(arguments: Sequence[str]) -> bool:
    """Whether a command line starts a sweep."""
    return not flags_of(arguments).isdisjoint(MULTIRUN) and not only_prints(arguments)


def only_prints(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for help, the composed config or the like, and runs nothing."""
    return not flags_of(arguments).isdisjoint(INFO_FLAGS)


def is_help(arguments: Sequence[str]) -> bool:
    """Whether help is the only flag of a command line."""
    flags = {argument for argument in arguments if argument.startswith("-")}
    return bool(flags) and flags.issubset(HELP)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Exits with a one-sentence message: with 1 after a user's mistake, 128 + its number after a signal."""
    try:
        yield
    except (KeyboardInterrupt, Stopped) as end:
        stopped = end if isinstance(end, Stopped) else Stopped("Interrupted.")
        print(stopped, file=sys.stderr)
        sys.exit(128 + stopped.signal)
    except Exception as error:
        if TRACEBACKS:
            raise
        from jlml.config import sentence_for  # imported here because it is only needed after an error

        message = sentence_for(error, of_evaluation=os.environ.get("JLML_COMMAND") == "evaluate")
        if message is None:
            raise
        sys.exit(f"Error: {printable(message)}")


class Terminal(logging.Handler):
    """Prints warnings in a frame, to make them visible between progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        # importing rich takes a tenth of a second, and most runs have no warning
        from rich.console import Console
        from rich.panel import Panel

        colour = "red" if record.levelno >= logging.ERROR else "yellow"
        text = record.getMessage()
        Console(stderr=True).print(
            Panel(text, title=record.levelname, border_style=f"bold {colour}"), markup=False
        )
