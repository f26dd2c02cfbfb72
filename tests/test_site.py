"""The documentation site: it builds without a warning; every model, loss, key and metric has its place."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from jlml.comparison.quantities import QUANTITIES
from jlml.config import CONF
from jlml.config.schema import Train

SITE = ROOT / "docs/site"


@pytest.mark.parametrize(("pages", "group"), [("models", "model"), ("losses", "loss")])
def test_every_model_and_loss_has_a_page_with_all_its_parts(pages, group):
    named = {file.stem: file.read_text() for file in (SITE / pages).glob("*.md")}
    assert named.keys() == {file.stem for file in (CONF / group).glob("*.yaml")}
    for name, text in named.items():
        assert text.startswith(f"# `{group}={name}`: ")
        for part in ("What it is", "Formula", "Figure", "When to use it", "Source"):
            assert f"**{part}.**" in text, (name, part)
        assert all((SITE / pages / link).is_file() for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text))


def test_every_metric_has_a_formula_and_a_source():
    formulas = yaml.safe_load((SITE / "formulas.yaml").read_text())
    assert formulas.keys() == QUANTITIES.keys()
    assert all(each["formula"] and each["source"] for each in formulas.values())


@pytest.mark.robustness
def test_the_site_builds_without_a_warning_and_its_links_lead_somewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, SITE / "build.py", "--outputs", tmp_path / "site"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    pages = {
        file.relative_to(tmp_path / "site"): file.read_text() for file in (tmp_path / "site").rglob("*.html")
    }
    for page, text in pages.items():
        folder = (tmp_path / "site" / page).parent
        for link in re.findall(r'(?:href|src)="([^"#]+?)(?:[#?][^"]*)?"', text):
            if not link.startswith(("http", "data:", "mailto:")):
                assert (folder / link).resolve().exists(), (page, link)
    reference = {
        name: pages[path] for path in pages if path.parent.name == "reference" for name in [path.stem]
    }
    for group, field in Train.model_fields.items():
        assert group in reference["config"] or not field.description
    assert all(name in reference["metrics"] for name in QUANTITIES)
    for guide in (ROOT / "docs").glob("*.md"):  # Sphinx has pages of its own, such as search.html
        title = guide.read_text().partition("\n")[0].removeprefix("# ")
        assert f"<title>{title}" in pages[Path(f"{guide.stem}.html")]
    for page, text in pages.items():
        if page.parent.name in ("models", "losses"):
            assert "$" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL), page  # formulas are read
    assert "Expected numbers" in pages[next(path for path in pages if path.name == "vae.html")]
