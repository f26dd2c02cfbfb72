"""`python -m jlml.new` writes a project that runs at once."""

import os
import re
import subprocess
import sys

import pytest

from conftest import run
from jlml.errors import UserError
from jlml.new import new_project


def python(folder, *arguments):
    """What Python prints in a folder, without the variables of this pytest."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_project_passes_its_tests_trains_and_evaluates(tmp_path):
    written = run("-m", "jlml.new", str(tmp_path / "plants"))
    assert written.returncode == 0, written.stderr
    folder = tmp_path / "plants"
    assert "2 passed" in python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    trained = python(folder, "train.py", "experiment=mine", "trainer.max_epochs=1", "callbacks=none")
    assert "sparse, laplace, latent dim 8, digits8" in trained
    assert "report.html" in python(folder, "evaluate.py", "run=last", "trust=true", "parts=[objective]")
    texts = [file.read_text() for file in folder.rglob("*.[pmy]*") if file.suffix != ".pyc"]
    assert len(texts) >= 9
    assert not any("my_project" in text for text in texts)


@pytest.mark.robustness
def test_a_new_project_sweeps_with_its_own_choices(tmp_path):
    new_project(tmp_path / "mine")
    jobs = ("experiment=mine", "model=sparse,ae", "trainer.max_epochs=1", "callbacks=none")
    swept = python(tmp_path / "mine", "train.py", "-m", *jobs, "hydra/launcher=joblib")
    (command,) = re.findall("evaluate.py (sweep=outputs/sweeps/.*)", swept)
    assert command.endswith(" trust=true")
    python(tmp_path / "mine", "evaluate.py", *command.split(), "parts=[reconstruction]")


@pytest.mark.parametrize("name", ["my-project", "2nd", "class", "jlml", ""])
def test_a_name_that_is_not_a_package_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="is not a name of a package"):
        new_project(tmp_path / "there" / name if name else tmp_path / "x" / "..")
    assert not (tmp_path / "there").exists()


def test_an_existing_folder_is_kept(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/note.txt").write_text("mine")
    with pytest.raises(UserError, match="exists"):
        new_project(tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["note.txt"]
