"""jlml installed as a wheel in a fresh environment, outside the repository."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.robustness

QUICK = ("data=mnist_5k", "data.subset=100", "trainer.max_epochs=1", "callbacks=none", "model.hidden=[8]")
TRAIN = f"""
import jlml
from pathlib import Path
assert Path("fresh").resolve() in Path(jlml.__file__).parents, jlml.__file__
assert jlml.compose("model=ae").model._target_ == "jlml.models.AE"
trained = jlml.train(*{QUICK!r}, progress=[])
assert jlml.load(trained.run.path).sample(2).shape == (2, 1, 28, 28)
"""


def test_a_wheel_in_a_fresh_environment_trains_and_evaluates(tmp_path, data_root):
    def run(*command: str | Path, folder: Path = tmp_path) -> str:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["JLML_DATA"] = str(data_root)
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("jlml-*.whl")
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False)
    (site_packages,) = fresh.glob("lib/python*/site-packages")
    # use the dependencies of this environment; its editable jlml stays invisible
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(*pip, "--python", fresh, "install", "--no-deps", "--no-index", wheel)

    python = fresh / "bin" / "python"
    run(python, "-c", TRAIN)
    (first,) = (tmp_path / "outputs").iterdir()
    output = run(fresh / "bin" / "jlml-train", *QUICK, "model=ae", "output_dir=runs")
    assert "Run folder" in output
    assert "ELBO" in run(
        fresh / "bin" / "jlml-evaluate", f"run={first}", "parts=[likelihood]", "importance_samples=1"
    )
    run(python, "-m", "jlml.new", "mine")
    output = run(python, "train.py", "experiment=mine", "trainer.max_epochs=1", folder=tmp_path / "mine")
    assert "sparse, laplace" in output
    run(python, "-m", "pytest", "-p", "no:cacheprovider", folder=tmp_path / "mine")
    assert "model: ae, ae_deep" in run(fresh / "bin" / "jlml-train", "--help")
