"""Answers to --help and --cfg job, kept for the next time: Hydra takes four times as long to compose one as
Python to start."""

import json
from collections.abc import Callable, Sequence
from glob import escape, glob
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jlml.caches import cache_folder, keep, state_of

HERE = Path(__file__).parent
LIBRARIES = ("hydra", "omegaconf", "yaml")  # that make an answer, besides jlml
ELSEWHERE = ("hydra", "${")  # in words about Hydra itself, and about the environment


def answer(command: str, words: Sequence[str], compose: Callable[[], str]) -> str:
    """What ``compose`` gives, or what it gave to the same words while no file that it is made of has changed.

    Args:
        command: whose answer it is; the last one of each command is kept.
        words: the question. Where they ask Hydra to read something else, no answer is kept.
        compose: its errors are the caller's.
    """
    if any(sign in word for word in words for sign in ELSEWHERE):
        return compose()
    try:
        question = [*words, *map(state_of, sources())]
        place = cache_folder() / f"answer_{command}.json"
    except (OSError, RuntimeError):  # a file or a home that is not there
        return compose()
    known = kept(place, question)
    if known is not None:
        return known
    text = compose()
    keep(place, json.dumps({"question": question, "text": text}))
    return text


def sources() -> list[Path]:
    """The files that an answer is made of: of a library the first, which any other version replaces."""
    configs = glob(f"{escape(str(HERE.parent / 'conf'))}/**/*.yaml", recursive=True)  # also behind links
    ours = [*map(Path, configs), *HERE.glob("*.py"), *(HERE / "config").glob("*.py")]
    specs = [spec for name in LIBRARIES if (spec := find_spec(name)) is not None]
    return [*sorted(ours), *(Path(spec.origin) for spec in specs if spec.origin)]


def kept(place: Path, question: Sequence[Any]) -> str | None:
    """The answer there, if it is one to this question."""
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        text = content["text"] if content["question"] == question else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return text if isinstance(text, str) else None
