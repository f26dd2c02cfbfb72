"""What all pages share: the templates, and figures as part of the page."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

environment = Environment(
    loader=PackageLoader("jlml.evaluation"),
    autoescape=True,  # names and captions come from untrusted folders
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def relative_url(target: Path, folder: Path) -> str:
    """The URL of a file in a page that is in a folder."""
    return quote(Path(os.path.relpath(target, folder.resolve())).as_posix())


def embedder(folder: Path) -> Callable[[str], str]:
    """A function that returns a figure as a data URL, given its file name."""

    def embed(file: str) -> str:
        kind = "gif" if file.endswith(".gif") else "png"
        content = base64.b64encode((folder / Path(file).name).read_bytes()).decode()
        return f"data:image/{kind};base64,{content}"

    return embed
