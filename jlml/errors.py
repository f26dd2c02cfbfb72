"""The one error that a user's mistake raises: a sentence, which the doors print without a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """What was wrong, what was given, what is allowed and what to do, in a sentence or two."""


class DivergedError(UserError):
    """A loss or a weight of a run at work is no number any more."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """A trailing hint such as `` Did you mean latent.dim?``, or nothing when no name is near."""
    names = list(allowed)
    lower = {name.lower(): name for name in names}
    near = get_close_matches(given, names, n=1)
    near = near or [
        lower[name] for name in get_close_matches(given.lower(), lower, n=1)
    ]  # VAE is near to vae
    return f" Did you mean {near[0]}?" if near else ""


def gist(error: BaseException) -> str:
    """The first line of an error's message, or its name if it has none, to put into a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def printable(text: str) -> str:
    """A text that a terminal shows and does not obey: a name from a stranger may hold its control codes."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def reason_of(error: BaseException) -> str:
    """Why something failed, for a list of failures: what a user's mistake says, else the error's kind too."""
    return gist(error) if isinstance(error, UserError) else f"{type(error).__name__}: {gist(error)}"
