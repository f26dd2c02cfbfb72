"""Errors for users' mistakes. The commands print their message without a traceback."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from signal import SIGINT


class UserError(Exception):
    """A user's mistake. The message says what is wrong, what was given, what is expected and what to do."""


class Stopped(SystemExit):
    """Ends a command after a signal. The message says what is saved and how to go on."""

    def __init__(self, message: str, signal: int = SIGINT) -> None:
        super().__init__(message)
        self.signal = signal

    @classmethod
    def after(cls, end: BaseException, message: str) -> "Stopped":
        """With another message, after an exception that ended a part of the command."""
        return cls(message, end.signal if isinstance(end, Stopped) else SIGINT)


class DivergedError(UserError):
    """A loss or a weight of a training run is no longer finite."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """A hint such as `` Did you mean latent.dim?``, to append to a message. Empty if no name is similar."""
    names = [name for name in allowed if name != given]
    lower = {name.lower(): name for name in names}
    near = get_close_matches(given, names, n=1)
    near = near or [
        lower[name] for name in get_close_matches(given.lower(), lower, n=1)
    ]  # VAE is similar to vae
    return f" Did you mean {near[0]}?" if near else ""


@contextmanager
def extra_needed(name: str, what: str) -> Iterator[None]:
    """Explains that a package of an extra is missing: ``extra_needed("onnx", "An export needs ONNX")``."""
    try:
        yield
    except ImportError as error:
        raise UserError(f"{what}: pip install 'jlml[{name}]'.") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type if the message is empty, for use in a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def printable(text: str) -> str:
    """Escapes control characters. A name from an untrusted file could otherwise control the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def reason_of(error: BaseException) -> str:
    """Why something failed, for a list of failures. Names the type unless the error is a user's mistake."""
    return (
        first_line(error) if isinstance(error, UserError) else f"{type(error).__name__}: {first_line(error)}"
    )
