"""Every command of the README is run, and every key and choice that it names exists."""

import re
import shlex

import pytest

import jlml
from conftest import ROOT
from jlml.config import CONF

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"(?:^|`)(python train\.py[^`\n]*)", README, flags=re.MULTILINE)))


RUNNABLE = [c for c in COMMANDS if "--" not in c and "my_package" not in c and "trainer=gpu" not in c]
SMALL = ("data=mnist_5k", "data.subset=150", "trainer.max_epochs=1")


@pytest.mark.parametrize("command", RUNNABLE)
def test_every_train_command_trains(command, tmp_path):
    """The very words, on a few images; a sweep with its first values, as test_cli.py runs a whole one."""
    words = [word for word in shlex.split(command)[2:] if word != "-m"]
    first = [re.sub(r"=([\w.]+),[\w.,]+$", r"=\1", word) for word in words]
    trained = jlml.train(jlml.compose(*first, *SMALL), tmp_path)
    assert trained.run.metrics()["status"] == "finished"


def test_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"make (\w+)", README)) - {"and"} <= targets


def test_the_table_of_choices_is_complete():
    """A new file under conf/ that the README does not name would never be found."""
    for group in ("model", "loss", "latent", "data", "optimizer", "scheduler", "trainer", "experiment"):
        for file in (CONF / group).glob("*.yaml"):
            assert f"`{file.stem}`" in README or f"`{file.stem} " in README, f"{group}={file.stem}"


def test_the_mistake_that_the_readme_shows_is_what_is_said():
    from test_cli import run

    (shown,) = re.findall(r"^Error: .*$", README, flags=re.MULTILINE)
    assert run("train.py", "loss=contbern").stderr.strip() == shown


def test_pictures_are_there_and_small():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size < 300_000
