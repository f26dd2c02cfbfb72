"""Denormal numbers become zero, and the weights stay the same."""

import subprocess
import sys

import pytest
import torch

import jlml
from conftest import QUICK
from jlml.speed.denormals import are_flushed, flushed_denormals

# without a gradient, moments halve at every step, so some are denormal after 130 steps
FAST = (
    *(*QUICK[:-1], "callbacks=none", "logger=none", "loss=cont_bern", "threads=1"),
    *("data.batch_size=4", "trainer.max_epochs=4", "+optimizer.betas=[0.5,0.999]"),
)
TINY = 2.0**-130  # below the smallest normal number of float32

WORKERS = """
import torch
from jlml.speed.denormals import flushed_denormals
with flushed_denormals():
    torch.set_num_threads(2)
    numbers = torch.full((2**20,), 2.0**-120).mul_(2.0**-10)
assert not numbers.any(), "a worker thread keeps denormal numbers"
"""


def test_denormals_are_flushed_inside_the_context_only():
    assert not are_flushed()
    with flushed_denormals():
        assert are_flushed()
        assert float(torch.tensor(2.0**-100) * 2.0**-30) == 0
        with flushed_denormals(enabled=False):
            assert are_flushed()  # the outer setting stays
    assert not are_flushed()
    assert float(torch.tensor(2.0**-100) * 2.0**-30) == TINY


def test_denormals_are_flushed_in_worker_threads_that_torch_starts():
    subprocess.run([sys.executable, "-c", WORKERS], check=True, timeout=100)


@pytest.mark.robustness
@pytest.mark.parametrize("model", ["vae", "conv_ae"])
def test_weights_are_equal_bit_for_bit_and_only_denormal_moments_are_zero(tmp_path, model):
    """It uses one thread, because worker threads that torch has started before keep their old setting."""
    flushed, kept = (
        jlml.train(*FAST, f"model={model}", f"speed.flush_denormals={on}", parent=tmp_path, progress=[])
        for on in ("true", "false")
    )
    ours, theirs = (
        torch.load(trained.run.checkpoint("last"), weights_only=True) for trained in (flushed, kept)
    )
    for name, weight in theirs["state_dict"].items():
        assert torch.equal(weight, ours["state_dict"][name]), name
    tiny, denormal = torch.finfo(torch.float32).tiny, 0
    for parameter, moments in theirs["optimizer_states"][0]["state"].items():
        expected, found = moments["exp_avg"], ours["optimizer_states"][0]["state"][parameter]["exp_avg"]
        is_denormal = (expected != 0) & (expected.abs() < tiny)
        denormal += int(is_denormal.sum())
        assert not found[is_denormal].any()
        assert not ((found != 0) & (found.abs() < tiny)).any()
    if model == "vae":
        assert denormal > 0  # otherwise the test shows nothing
