"""Every command of the README is run, and every key and choice that it names exists."""

import re
import shlex
import shutil

import pytest

import jlml
from conftest import ROOT
from conftest import SMALL as SMALL_EVALUATION
from jlml.config import CONF
from jlml.search import search
from jlml.training.resume import resume

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"(?:^|`)(python train\.py[^`\n]*)", README, flags=re.MULTILINE)))


RUNNABLE = [c for c in COMMANDS if "--" not in c and "my_package" not in c and "trainer=gpu" not in c]
# test_ddp.py starts several processes; test_fast.py compiles, which nothing does under these shape checks
RUNNABLE = [c for c in RUNNABLE if "trainer=ddp" not in c and "trainer=fast" not in c]
SMALL = ("data=mnist_5k", "data.subset=150", "trainer.max_epochs=1")


@pytest.mark.parametrize("command", RUNNABLE)
def test_every_train_command_trains(command, tmp_path, runs):
    """The very words, on a few images; a sweep with its first values, as tests/sweeps run whole ones."""
    words = [word for word in shlex.split(command)[2:] if word != "-m"]
    first = [re.sub(r"=([\w.]+),[\w.,]+$", r"=\1", word) for word in words if "launcher" not in word]
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


EVALUATIONS = sorted(set(re.findall(r"^(python evaluate\.py[^`\n]*)", README, flags=re.MULTILINE)))


@pytest.mark.parametrize("command", EVALUATIONS)
def test_every_evaluate_command_evaluates(command, tmp_path, runs, data_root):
    """The very words, but for the folders, on a tiny run of the model that they name."""
    for copy in ("vae_0", "vae_1"):
        shutil.copytree(runs["vae"].path, tmp_path / copy, ignore=shutil.ignore_patterns("evaluation"))
    places = {"run=": f"run={tmp_path}/vae_0", "data.root=": f"data.root={data_root}"}
    (tmp_path / "sweep.yaml").touch()
    places |= {"sweep=outputs/sweeps": f"sweep={tmp_path}", "runs=outputs/*": f"runs={tmp_path}/*vae*"}
    words = []
    for word in shlex.split(command)[2:]:
        words += [next((put for start, put in places.items() if word.startswith(start)), word)]
    small = [word for word in SMALL_EVALUATION if word.split("=")[0] not in command]
    result = jlml.evaluate(jlml.compose(*words, *small, config_name="evaluate"))
    assert not result.failed
    assert (result.folder / ("report.html" if " run=" in command else "comparison.html")).exists()


def test_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"make (\w+)", README)) - {"and"} <= targets


def test_the_table_of_choices_is_complete():
    """A new file under conf/ that the README does not name would never be found."""
    for group in (
        "model",
        "loss",
        "latent",
        "data",
        "optimizer",
        "scheduler",
        "trainer",
        "experiment",
        "search",
    ):
        for file in (CONF / group).glob("*.yaml"):
            assert f"`{file.stem}`" in README or f"`{file.stem} " in README, f"{group}={file.stem}"


def test_the_mistake_that_the_readme_shows_is_what_is_said():
    from test_cli import run

    (shown,) = re.findall(r"^Error: .*$", README, flags=re.MULTILINE)
    assert run("train.py", "loss=contbern").stderr.strip() == shown


def test_pictures_are_there_and_small():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size < 300_000
