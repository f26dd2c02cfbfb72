"""Every command of the README and of docs/ is run, and every key and choice that they name exists."""

import re
import shlex
import shutil

import pytest

import jlml
from conftest import ROOT, run
from conftest import SMALL as SMALL_EVALUATION
from jlml.config import CONF
from jlml.search import search
from jlml.training.resume import resume

README = (ROOT / "README.md").read_text()
DOCS = "\n".join(file.read_text() for file in sorted((ROOT / "docs").glob("*.md")))
PAGES = README + DOCS + (ROOT / "CONTRIBUTING.md").read_text()
SMALL = ("data=mnist_5k", "data.subset=150", "trainer.max_epochs=1")

# other tests start several processes and compile (nothing does under these shape checks); no GPU is at hand
ELSEWHERE = ("--", "my_package", "trainer=gpu", "trainer=ddp", "trainer=fast")


def commands(script: str) -> list:
    """The commands of all pages, each once; most of the README's in every test run."""
    found = {}
    for text in (DOCS, README):
        for command in re.findall(rf"(?:^|`)(python {script}[^`\n]*)", text, flags=re.MULTILINE):
            if not any(word in command for word in ELSEWHERE):
                elsewhere = script.startswith("evaluate")  # tests/evaluation does the same in every test run
                marks = [pytest.mark.robustness] if text is DOCS or elsewhere else []
                found[command] = pytest.param(command, marks=marks, id=command)
    return list(found.values())


@pytest.mark.parametrize("command", commands(r"train\.py"))
def test_every_train_command_trains(command, tmp_path, runs):
    """As written, on a few images; of a sweep the first values, because tests/sweeps run whole ones."""
    overrides = [word for word in shlex.split(command)[2:] if word != "-m"]
    first = [re.sub(r"=([\w.]+),[\w.,]+$", r"=\1", word) for word in overrides if "launcher" not in word]
    if "resume=" in command:
        shutil.copytree(runs["vae"].path, tmp_path / "run")
        assert resume(tmp_path / "run", first).run.metrics()["status"] == "finished"
        return
    if "search=" in command:
        found = search(jlml.compose(*first, *SMALL, "search.trials=1", f"output_dir={tmp_path}"))
        assert found.counts == {"complete": 1}
        return
    trained = jlml.train(*first, *SMALL, parent=tmp_path)
    assert trained.run.metrics()["status"] == "finished"


@pytest.mark.parametrize("command", commands(r"evaluate\.py"))
def test_every_evaluate_command_evaluates(command, tmp_path, runs, data_root):
    """As written, but for the folders, on a tiny run of the model that they name."""
    for copy in ("vae_0", "vae_1"):
        shutil.copytree(runs["vae"].path, tmp_path / copy, ignore=shutil.ignore_patterns("evaluation"))
    places = {"run=": f"run={tmp_path}/vae_0", "data.root=": f"data.root={data_root}"}
    (tmp_path / "sweep.yaml").touch()
    places |= {"sweep=outputs/sweeps": f"sweep={tmp_path}", "runs=outputs/*": f"runs={tmp_path}/*vae*"}
    overrides = []
    for word in shlex.split(command)[2:]:
        overrides += [next((put for start, put in places.items() if word.startswith(start)), word)]
    small = [word for word in SMALL_EVALUATION if word.split("=")[0] not in command]
    result = jlml.evaluate(jlml.compose(*overrides, *small, config_name="evaluate"))
    assert not result.failed
    assert (result.folder / ("report.html" if " run=" in command else "comparison.html")).exists()


def test_make_targets_of_the_pages_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", PAGES, flags=re.MULTILINE)) <= targets


def test_the_table_of_choices_is_complete():
    """A new file under conf/ that no page names would never be found."""
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra", "callbacks"}
    for group in groups:
        for file in (CONF / group).glob("*.yaml"):
            assert f"`{file.stem}`" in DOCS or f"`{file.stem} " in DOCS, f"{group}={file.stem}"


def test_the_mistake_that_the_readme_shows_is_what_is_said():
    (shown,) = re.findall(r"^Error: .*$", README, flags=re.MULTILINE)
    assert run("train.py", "loss=contbern").stderr.strip() == shown


def test_files_and_pictures_that_the_pages_name_are_there_and_small():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).stat().st_size < 300_000, f"{page.name}: {link}"


def test_the_reading_order_is_there_and_about_as_long_as_the_readme_says():
    section = README[README.index("## Read the code") : README.index("## More")]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    files = []
    for row in rows:
        names = re.findall(r"`([^`]+)`", row)
        folder = names[0].rpartition("/")[0]
        files += [ROOT / name if "/" in name else ROOT / folder / name for name in names]
    lines = sum(len(file.read_text().splitlines()) for file in files)
    assert 800 <= lines <= 1000


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200
