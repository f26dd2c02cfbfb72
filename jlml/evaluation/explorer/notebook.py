"""The explorer inside a notebook."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from jlml.config import override
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.explorer.page import NAME
from jlml.evaluation.record import Evaluation

HEIGHT = 760  # pixels


@dataclass(frozen=True)
class Explorer:
    """The page of a run. A notebook shows it inline; elsewhere, open the file ``path`` in a browser."""

    path: Path

    def _repr_html_(self) -> str:
        page = escape(self.path.read_text("utf-8"))
        return f'<iframe srcdoc="{page}" style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'


def explore(run: str | Path, *overrides: str) -> Explorer:
    """Writes the explorer's page of a finished run, and shows it in a notebook.

    Args:
        run: folder of the run, or `last`.
        overrides: more keys of `evaluate.py`, for example ``"explorer.weights=16"`` for half the size.

    Raises:
        UserError: the run cannot be loaded, or the page cannot be made.
    """
    evaluation = evaluate(override("run", str(run)), "parts=[explorer]", *overrides)
    assert isinstance(evaluation, Evaluation)
    part = evaluation.parts["explorer"]
    if part["status"] != "done":
        raise UserError(f"There is no explorer of {run}: {part['reason']}")
    return Explorer(evaluation.folder / NAME)
