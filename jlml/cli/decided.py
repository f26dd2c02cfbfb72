"""Prints sentences, wrapped between words at the width of the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jlml.errors import printable


def print_sentences(console: Console, sentences: Sequence[str], title: str = "") -> None:
    """Prints a list of sentences, with a title if there are any."""
    if not sentences:
        return
    if title:
        console.print(Text(printable(title), "bold"), soft_wrap=False)
    listed = Table.grid(padding=(0, 1))
    for sentence in sentences:
        listed.add_row("-", Text(printable(sentence)))
    console.print(listed, soft_wrap=False)
