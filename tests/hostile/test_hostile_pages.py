"""Names and values that would be markup in a page or a command to a terminal."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from exploits import evaluated, rewrite

from jlml.cli.command import one_sentence
from jlml.cli.evaluated import show
from jlml.config.schema import Evaluate
from jlml.errors import UserError
from jlml.evaluation.record import settings_of_part

IN_PAGE = (
    "</title></td></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "<a href='javascript:alert(1)'>"
)
IN_ATTRIBUTE = '" onload="alert(1)" x="'
IN_NAME = "\"><img src=x onerror=alert(1)><script>'{{7*7}}"  # a folder's name has no slash


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and where its links lead."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, *sorted(name for name, _ in attributes)))
        self.links += [value for name, value in attributes if name in ("href", "src", "action")]


def page_of(result):
    return (result.folder / ("report.html" if hasattr(result, "parts") else "comparison.html")).read_text()


def spoil_words(folder):
    """Every word of a config that a page may show, and a part that failed before."""

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


def test_the_parser_sees_what_a_page_that_does_not_escape_would_hold():
    assert ("script",) in Page(f"<td>{IN_PAGE}</td>").elements
    assert ("img", "alt", "onload", "x") in Page(f'<img alt="{IN_ATTRIBUTE}">').elements


def test_pages_escape_whatever_they_show(folder):
    evaluated(f"run={folder}")
    plain = folder.with_name("plain")
    shutil.copytree(folder, plain)
    for name in (f"a{IN_NAME}", f"b{IN_NAME}", "javascript:alert(1)"):
        there = shutil.copytree(plain, folder.with_name(name))
        spoil_words(there)
        word = str(there).replace("\\", "\\\\").replace("'", "\\'")
        page = Page(page_of(evaluated(f"run='{word}'")))
        of_plain = Page(page_of(evaluated(f"run={plain}")))
        extra = set(page.elements) - set(of_plain.elements)
        assert extra <= {("p", "class")}  # of the part that failed
        assert all(link.startswith(("#", "data:image/")) for link in page.links)
    shutil.rmtree(plain)
    result = evaluated(f"runs={folder.parent}")
    assert len(result.groups) > 0
    page = Page(page_of(result))
    assert not {"script", "iframe", "object", "form"} & {element[0] for element in page.elements}
    assert all(not name.startswith("on") for element in page.elements for name in element[1:])
    assert all(link.startswith(("data:image/", "../", "run/")) or "%3A" in link for link in page.links)
    assert all("javascript:" not in link for link in page.links)
    assert "49" not in "".join(row for row in page_of(result).split("\n") if "7*7" in row)


def test_a_name_is_no_markup_of_the_terminal(folder, capsys):
    there = Path(shutil.copytree(folder, folder.with_name("[bold]x")))
    show(evaluated(f"run='{there}'"))
    assert "[bold]x" in capsys.readouterr().out


def test_a_terminal_obeys_no_name(capsys):
    """ESC ] 0 sets a window's title, ESC ] 52 the clipboard."""
    with pytest.raises(SystemExit) as ended, one_sentence():
        raise UserError("run=\x1b]52;c;cm0gLXJm\x07 \ud800 \u202e is not a run folder.")
    assert ended.value.code == "Error: run=\\x1b]52;c;cm0gLXJm\\x07 \\ud800 \\u202e is not a run folder."
