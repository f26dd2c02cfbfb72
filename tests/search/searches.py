"""Helpers that run small searches, in this process or in a new one."""

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
SEARCH = (*SMALL, RATE, WIDTH, f"search.trials={TRIALS}")  # with a rate of 1e-6 a model learns nothing


@cache
def search_settings():
    return Settings.of(compose(*SEARCH))


def open_trials(folder, **search):
    """Opens the trials of the search in a folder, as a new process does.

    Args:
        folder: used as output_dir.
        search: settings of the search to change.
    """
    settings = search_settings()
    search = settings.search.model_copy(update=search)
    return Trials(replace(settings, config=settings.config | {"output_dir": str(folder)}, search=search))


def rows_of(folder):
    """The rows of results.csv."""
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def start(folder, *overrides, command=(sys.executable, "train.py")):
    """Starts the command in a new process, as a user does."""
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
    """Waits until a condition is true. Fails if the process ends first."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def finished(process):
    """Waits for a process, checks that it succeeded, and returns its output."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out
