"""Small searches for the tests, in this process or in one of their own."""

import csv
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache

from conftest import ROOT
from jlml.config import compose
from jlml.search.settings import Settings
from jlml.search.trials import Trials

SMALL = (
    *("data=mnist_5k", "data.subset=300", "data.batch_size=50", "model.hidden=[16]", "loss=bce"),
    *("callbacks=none", "logger=none", "trainer.max_epochs=3", "search=default", "search.startup_trials=3"),
)
RATE = "+search.ranges.optimizer.lr={low:1e-6,high:1e-1,log:true}"
WIDTH = "+search.ranges.model.hidden=[[16],[24]]"
TRIALS = 6
PLANTED = (*SMALL, RATE, WIDTH, f"search.trials={TRIALS}")  # a rate of 1e-6 learns nothing


@cache
def planted_settings():
    return Settings.of(compose(*PLANTED))


def open_trials(folder, **search):
    """The trials of the planted search in a folder, as one more process sees them.

    Args:
        folder: instead of output_dir.
        search: settings that differ.
    """
    settings = planted_settings()
    search = settings.search.model_copy(update=search)
    return Trials(replace(settings, config=settings.config | {"output_dir": str(folder)}, search=search))


def rows_of(folder):
    """The rows of results.csv."""
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def start(folder, *overrides, command=(sys.executable, "train.py")):
    """The command as a user gives it, as a process of its own."""
    return subprocess.Popen(
        [*command, *overrides, f"output_dir={folder}"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, process, seconds=120):
    """Until a condition holds, while a process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def finished(process):
    """What a process printed, once it has ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out
