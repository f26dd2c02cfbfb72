"""Runs every command of the README and docs/, and checks that choices, links and make targets exist."""

import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

import jlml
from conftest import ROOT, run
from conftest import SMALL as SMALL_EVALUATION
from jlml.config import CONF
from jlml.search import search
from jlml.training.resume import resume

README = (ROOT / "README.md").read_text()
DOCS = "\n".join(file.read_text() for file in sorted((ROOT / "docs").rglob("*.md")))
PAGES = README + DOCS + (ROOT / "CONTRIBUTING.md").read_text()
SMALL = ("data=mnist_5k", "data.subset=150", "trainer.max_epochs=1")

# needs a GPU or several processes, or compiles, which the shape checks prevent, or is run in a project of
# one's own; other tests cover these
SKIPPED = (
    "--",
    "my_package",
    "trainer=gpu",
    "trainer=ddp",
    "trainer=fast",
    "experiment=mine",
    "runs=outputs trust",
)


def commands(script: str) -> list:
    """The commands of a script on all pages, each once.

    By default only the train.py commands of the README are run. The others are robustness tests.
    """
    found = {}
    for text in (DOCS, README):
        for command in re.findall(rf"(?:^|`)(python {script}[^`\n]*)", text, flags=re.MULTILINE):
            if not any(part in command for part in SKIPPED):
                is_covered = script.startswith("evaluate")  # tests/evaluation does the same by default
                marks = [pytest.mark.robustness] if text is DOCS or is_covered else []
                found[command] = pytest.param(command, marks=marks, id=command)
    return list(found.values())


@pytest.mark.parametrize("command", commands(r"train\.py"))
def test_every_train_command_trains(command, tmp_path, runs, monkeypatch):
    """Runs it on a few images. Of a sweep, it runs the first job; tests/sweeps run complete sweeps."""
    monkeypatch.syspath_prepend(ROOT)  # for examples/
    arguments = shlex.split(command)[2:]
    overrides = [argument for argument in arguments if argument != "-m" and "launcher" not in argument]
    first = [re.sub(r"=([\w.]+),[\w.,]+$", r"=\1", override) for override in overrides]
    if "resume=" in command:
        shutil.copytree(runs["vae"].path, tmp_path / "run")
        assert resume(tmp_path / "run", first).run.metrics()["status"] == "finished"
        return
    if "search=" in command:
        found = search(jlml.compose(*first, *SMALL, "search.trials=1", f"output_dir={tmp_path}"))
        assert found.counts == {"complete": 1}
        return
    trained = jlml.train(*(own_data(first, tmp_path, monkeypatch) or (*first, *SMALL)), parent=tmp_path)
    assert trained.run.metrics()["status"] == "finished"


def own_data(overrides: list, tmp_path, monkeypatch) -> tuple | None:
    """The overrides for data that the test writes, in place of those that the pages name; None for MNIST."""
    monkeypatch.setenv("JLML_CACHE", str(tmp_path / "cache"))
    small = ("trainer.max_epochs=1", "data.batch_size=10")
    if "data=npz" in overrides:
        np.savez(tmp_path / "images.npz", images=np.zeros((40, 28, 28), np.uint8))
        return (*overrides, *small, f"data.path={tmp_path / 'images.npz'}")
    if "data=folder" in overrides:
        (tmp_path / "photos").mkdir()
        for number in range(40):
            Image.new("RGB", (20, 20 + number), "red").save(tmp_path / "photos" / f"{number}.jpg")
        return (*overrides, *small, f"data.root={tmp_path / 'photos'}")
    if "data=torchvision" in overrides:  # tests/data reads them in their own layout
        options = ["data.dataset=FakeData", "+data.options={size: 40, image_size: [3, 28, 28]}"]
        kept = [each for each in overrides if not each.startswith(("data.dataset", "data.options"))]
        return (*kept, *small, *options)
    return (*overrides, "trainer.max_epochs=1") if "data=sprites" in overrides else None


@pytest.mark.parametrize("command", commands(r"evaluate\.py"))
def test_every_evaluate_command_evaluates(command, tmp_path, runs, data_root):
    """Runs it on a tiny run: the folders in the command are replaced."""
    for copy in ("vae_0", "vae_1"):
        shutil.copytree(runs["vae"].path, tmp_path / copy, ignore=shutil.ignore_patterns("evaluation"))
    if "data.path=" in command:
        pytest.skip("tests/evaluation/test_own_data.py moves data")
    replaced = {"run=": f"run={tmp_path}/vae_0", "data.root=": f"data.root={data_root}"}
    (tmp_path / "sweep.yaml").touch()
    replaced |= {"sweep=outputs/sweeps": f"sweep={tmp_path}", "runs=outputs/*": f"runs={tmp_path}/*vae*"}
    overrides = []
    for given in shlex.split(command)[2:]:
        overrides += [next((new for start, new in replaced.items() if given.startswith(start)), given)]
    small = [override for override in SMALL_EVALUATION if override.split("=")[0] not in command]
    result = jlml.evaluate(jlml.compose(*overrides, *small, config_name="evaluate"))
    if "export=" in command:
        assert result.decoder.is_file()
        return
    assert not result.failed
    assert (result.folder / ("report.html" if " run=" in command else "comparison.html")).exists()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README + DOCS, flags=re.DOTALL))
@pytest.mark.filterwarnings("ignore:The number of training batches")  # few images
def test_every_block_of_python_runs(block, tmp_path, runs, monkeypatch):
    """With a tiny run in the folder that the block names, and on a few images."""
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(runs["vae"].path, tmp_path / "outputs/vae-cb-d2-s0_2026-11-21_14-03-22")
    for name in ("train", "build"):
        whole = getattr(jlml, name)
        monkeypatch.setattr(jlml, name, lambda *given, whole=whole: whole(*given, *SMALL))
    names: dict = {}
    if "onnxruntime" in block:
        pytest.importorskip("onnxscript")
        names = {"onnxruntime": pytest.importorskip("onnxruntime"), "codes": np.zeros((1, 3), np.float32)}
        jlml.evaluate(f"run={folder}", "export=onnx")
        (folder / "evaluation/decoder.onnx").rename(tmp_path / "decoder.onnx")
    exec(block.replace("max_epochs=20", "max_epochs=1"), names)
    assert len(names) > 2


def test_make_targets_that_the_pages_name_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", PAGES, flags=re.MULTILINE)) <= targets


def test_docs_name_every_choice():
    """Users would not find a file under conf/ that no page names."""
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra", "callbacks"}
    for group in groups:
        for file in (CONF / group).glob("*.yaml"):
            assert f"`{file.stem}`" in DOCS or f"`{file.stem} " in DOCS, f"{group}={file.stem}"


def test_the_error_that_the_readme_shows_is_the_real_one():
    (shown,) = re.findall(r"`(Error: .*?)`", README)
    assert run("train.py", "loss=contbern").stderr.strip() == shown


def test_files_and_pictures_that_the_pages_link_exist_and_are_small():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).stat().st_size < 300_000, f"{page.name}: {link}"


def test_the_files_of_the_reading_order_exist_and_have_about_the_stated_length():
    section = README[README.index("## Read the code") : README.index("## More")]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    files = []
    for row in rows:
        names = re.findall(r"`([^`]+)`", row)
        folder = names[0].rpartition("/")[0]
        files += [ROOT / name if "/" in name else ROOT / folder / name for name in names]
    lines = sum(len(file.read_text().splitlines()) for file in files)
    assert 1000 <= lines <= 1200


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200
