"""Helpers that run small sweeps, in this process or in a new one, and read their results."""

import csv
import json
import logging
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from unittest.mock import patch

from conftest import ROOT
from jlml.cli.command import hydra_app
from jlml.cli.train import run
from jlml.sweeps import sweep

QUICK = ("data=mnist_5k", "data.subset=200", "data.batch_size=50", "callbacks=none", "logger=none")
NARROW = ("model.hidden=[16]", "trainer.max_epochs=1")


def arguments(where, *overrides):
    return ["train.py", "-m", *QUICK, f"output_dir='{where}'", "sweep.name=it", *overrides]


def sweep_here(where, *overrides):
    """Runs a sweep with these overrides in this process, one job after the other."""
    with in_one_process():
        sys.argv[:] = arguments(where, *overrides)
        return sweep(hydra_app(run, "train"))


@contextmanager
def in_one_process():
    """Restores everything that a command changes in its process."""
    logger, folder = logging.getLogger("jlml"), os.getcwd()
    with patch.object(sys, "argv", []), patch.dict(os.environ, HYDRA_FULL_ERROR="1"):
        try:
            yield
        finally:
            logger.propagate = True
            os.chdir(folder)


def start(where, *overrides, **environment):
    """Starts the command in a new process, as a user does."""
    return subprocess.Popen(
        [sys.executable, *arguments(where, *overrides)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def completed(where, *overrides, **environment):
    """Runs the command in a new process. Returns its exit code, output and errors."""
    process = start(where, *overrides, **environment)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def results(where):
    """The rows of results.csv by job."""
    with (where / "sweeps/it/results.csv").open() as file:
        return {row["job"]: row for row in csv.DictReader(file)}


def statuses(where):
    return [row["status"] for row in results(where).values()]


def records(where):
    """metrics.json by job."""
    files = (where / "sweeps/it").glob("*/metrics.json")
    return {file.parent.name: json.loads(file.read_text()) for file in files}


def starts(where):
    """How often each job was started or resumed."""
    logs = (where / "sweeps/it").glob("*/train.log")
    return {
        log.parent.name: len(re.findall(r"INFO jlml\.training\.\w+: Choices", log.read_text()))
        for log in logs
    }
