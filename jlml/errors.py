"""The error that a user's mistake raises: a sentence, which the commands print without a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """One or two sentences: what is wrong, what was given, what is expected and what to do."""


class DivergedError(UserError):
    """A loss or a weight of a training run is not finite any more."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """A trailing hint such as `` Did you mean latent.dim?``, or nothing if no name is similar."""
    names = [name for name in allowed if name != given]
    lower = {name.lower(): name for name in names}
    near = get_close_matches(given, names, n=1)
    near = near or [
        lower[name] for name in get_close_matches(given.lower(), lower, n=1)
    ]  # VAE is similar to vae
    return f" Did you mean {near[0]}?" if near else ""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name if it has none, to put into a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def printable(text: str) -> str:
    """A text without control codes: a name in an untrusted file could contain some for the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def reason_of(error: BaseException) -> str:
    """Why something failed, for a list of failures. For errors that are not the user's, with their kind."""
    return (
        first_line(error) if isinstance(error, UserError) else f"{type(error).__name__}: {first_line(error)}"
    )
