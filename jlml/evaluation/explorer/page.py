"""Writes the explorer: one file with weights, images and scripts, which opens without a server."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jlml.evaluation.document import environment
from jlml.evaluation.explorer.arrays import Arrays
from jlml.evaluation.explorer.content import page_content
from jlml.evaluation.subject import Subject

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    *("arrays", "network", "losses", "model", "planes", "density", "sprites", "map", "pointer", "page"),
    *("panels", "controls", "between", "dimensions", "training", "own", "address", "main"),
)
NAME = "explorer.html"


def explorer_page(
    subjects: Sequence[Subject], links: Mapping[str, str], title: str = "", labels: Sequence[str] = ()
) -> str:
    """The page of one or two runs.

    Args:
        subjects: the runs.
        title: title of the page; if empty, one in words.
        labels: short names of the runs; if empty, names in words.
        links: names and relative URLs of pages to link to.
    """
    arrays = Arrays()
    content = page_content(subjects, arrays)
    runs = content["runs"]
    for run, label in zip(runs, labels, strict=False):
        run["label"] = label
    notes = []
    if subjects[0].settings.explorer.weights == 16:
        notes.append("Weights are rounded to 16 bits here, so pictures can differ by about .001.")
    return with_policy(
        environment.get_template("explorer.html").render(
            title=title or runs[0]["label"],
            runs=[
                {"label": run["label"], "dim": run["dim"], "is_vae": run["isVae"], "missing": run["missing"]}
                for run in runs
            ],
            links=list(links.items()),
            notes=notes,
            content=json.dumps(content).replace("<", "\\u003c"),  # nothing in it can end its element
            arrays=arrays.texts,
            style=(PAGE / "explorer.css").read_text("utf-8"),
            script=script(),
        )
    )


def script() -> str:
    """All scripts in one function, so that the page has no names but `jlml`."""
    parts = [(PAGE / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return "\n".join(['(() => {\n"use strict";', *parts, "})();"])


def with_policy(page: str) -> str:
    """Fills in the hashes of script and style, the only ones that the page's security policy allows."""
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        page = page.replace(f"{tag.upper()}-HASH", f"sha256-{digest}", 1)
    return page
