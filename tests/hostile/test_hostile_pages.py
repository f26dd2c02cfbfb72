"""Names and values that contain markup for a page or commands for a terminal."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from exploits import evaluated, rewrite

from jlml.cli.command import one_sentence
from jlml.cli.evaluated import show
from jlml.comparison.quantities import QUANTITIES
from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.record import settings_of_part

IN_PAGE = (
    "</title></td></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "<a href='javascript:alert(1)'>"
)
IN_ATTRIBUTE = '" onload="alert(1)" x="'
IN_NAME = "\"><img src=x onerror=alert(1)><script>'{{7*7}}"  # a folder name cannot contain a slash


class Page(HTMLParser):
    """The elements of a page with their attribute names, and the targets of its links."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, *sorted(name for name, _ in attributes)))
        self.links += [value for name, value in attributes if name in ("href", "src", "action")]


def page_of(result):
    return (result.folder / ("report.html" if hasattr(result, "parts") else "comparison.html")).read_text()


def insert_markup(folder):
    """Puts markup into every text of a run that a page can show, and adds an earlier failed part."""

    def change(config):
        config["choices"] = {group: f"{group}{IN_PAGE}{IN_ATTRIBUTE}" for group in config["choices"]}
        config["changes"] = [
            f"a={IN_PAGE}",
            f"b={IN_ATTRIBUTE}",
            "c=javascript:alert(1)",
            "d=\ud800",
            "{{7*7}}",
        ]

    rewrite(folder, change)
    part = {"status": "failed", "reason": f"{IN_PAGE}\ud800", "seconds": 1}
    file = folder / "evaluation" / "metrics.json"
    content = json.loads(file.read_text())
    content["parts"]["tsne"] = {**part, "settings": settings_of_part("tsne", Evaluate())}
    content["parts"]["objective"]["notes"] = [IN_PAGE]
    file.write_text(json.dumps(content))


def test_the_parser_finds_the_markup_in_a_page_without_escaping():
    assert ("script",) in Page(f"<td>{IN_PAGE}</td>").elements
    assert ("img", "alt", "onload", "x") in Page(f'<img alt="{IN_ATTRIBUTE}">').elements


def test_pages_escape_everything_they_show(folder):
    evaluated(f"run={folder}")
    plain = folder.with_name("plain")
    shutil.copytree(folder, plain)
    for name in (f"a{IN_NAME}", f"b{IN_NAME}", "javascript:alert(1)"):
        there = shutil.copytree(plain, folder.with_name(name))
        insert_markup(there)
        path = str(there).replace("\\", "\\\\").replace("'", "\\'")
        page = Page(page_of(evaluated(f"run='{path}'")))
        plain_page = Page(page_of(evaluated(f"run={plain}")))
        extra = set(page.elements) - set(plain_page.elements)
        assert extra <= {("p", "class")}  # the reason of the failed part
        known = {quantity.link for quantity in QUANTITIES.values()}
        assert all(link.startswith(("#", "data:image/")) or link in known for link in page.links)
    shutil.rmtree(plain)
    result = evaluated(f"runs={folder.parent}")
    assert len(result.groups) > 0
    page = Page(page_of(result))
    assert not {"script", "iframe", "object", "form"} & {element[0] for element in page.elements}
    assert all(not name.startswith("on") for element in page.elements for name in element[1:])
    assert all(link.startswith(("#", "data:image/", "../", "run/")) or "%3A" in link for link in page.links)
    assert all("javascript:" not in link for link in page.links)
    assert "49" not in "".join(row for row in page_of(result).split("\n") if "7*7" in row)


def test_the_terminal_does_not_interpret_markup_in_names(folder, capsys):
    there = Path(shutil.copytree(folder, folder.with_name("[bold]x")))
    show(evaluated(f"run='{there}'"))
    assert "[bold]x" in capsys.readouterr().out


def test_control_characters_are_escaped_in_the_terminal(capsys):
    """For example, ESC ] 52 would change the clipboard."""
    with pytest.raises(SystemExit) as ended, one_sentence():
        raise UserError("run=\x1b]52;c;cm0gLXJm\x07 \ud800 \u202e is not a run folder.")
    assert ended.value.code == "Error: run=\\x1b]52;c;cm0gLXJm\\x07 \\ud800 \\u202e is not a run folder."
