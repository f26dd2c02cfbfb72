"""A small `make torture`: it kills and compares, and a run that differs is noticed."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from same import differences

from conftest import ROOT
from jlml.runs import Run


@pytest.mark.robustness
def test_a_tortured_run_is_the_undisturbed_one(tmp_path):
    few = ("--models", "ae", "--pixels", "binarized", "--kills", "2", "--jobs", "1", "--folder", tmp_path)
    words = ("data=mnist_5k", "data.subset=300", "trainer.max_epochs=20")
    done = subprocess.run(
        [sys.executable, "tests/torture.py", *few, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 kills of 1 runs; 0 runs differ from the undisturbed one."
    (case,) = json.loads((tmp_path / "torture.json").read_text())["cases"]
    assert (case["kills"], case["differences"]) == (2, [])


def test_one_bit_makes_a_difference(runs, tmp_path):
    copy = Run(shutil.copytree(runs["ae"].path, tmp_path / "run"))
    assert differences(copy, runs["ae"]) == []
    last = copy.checkpoint("last")
    content = torch.load(last, weights_only=True)
    weight = next(iter(content["state_dict"].values()))
    weight.flatten()[0].nextafter_(torch.tensor(9.0))
    torch.save(content, last)
    assert differences(copy, runs["ae"]) == [f"last.state_dict.{next(iter(content['state_dict']))}"]
