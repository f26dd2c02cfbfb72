"""A small `make torture`, and a check that its comparison detects a single changed bit."""

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
def test_a_run_that_is_killed_and_resumed_equals_the_uninterrupted_one(tmp_path):
    few = ("--models", "ae", "--pixels", "binarized", "--kills", "2", "--jobs", "1", "--folder", tmp_path)
    overrides = ("data=mnist_5k", "data.subset=300", "trainer.max_epochs=20")
    done = subprocess.run(
        [sys.executable, "tests/torture.py", *few, *overrides], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 kills of 1 runs; 0 runs differ from the uninterrupted one."
    (case,) = json.loads((tmp_path / "torture.json").read_text())["cases"]
    assert (case["kills"], case["differences"]) == (2, [])


def test_the_comparison_detects_a_single_changed_bit(runs, tmp_path):
    copy = Run(shutil.copytree(runs["ae"].path, tmp_path / "run"))
    assert differences(copy, runs["ae"]) == []
    last = copy.checkpoint("last")
    content = torch.load(last, weights_only=True)
    weight = next(iter(content["state_dict"].values()))
    weight.flatten()[0].nextafter_(torch.tensor(9.0))
    torch.save(content, last)
    assert differences(copy, runs["ae"]) == [f"last.state_dict.{next(iter(content['state_dict']))}"]
