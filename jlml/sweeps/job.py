"""Runs one job of a sweep, in any process: skips, resumes or trains it, and records the result."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from jlml.errors import UserError, reason_of
from jlml.speed.startup import importing
from jlml.sweeps.folder import Sweep
from jlml.sweeps.plan import job_name

if TYPE_CHECKING:
    from jlml.runs import Run

ORPHANED = 5.0  # seconds within which a worker whose sweep was killed ends and releases its lock


def run_job(cfg: DictConfig, hydra: Any) -> None:
    """Trains one combination, unless it is finished, has failed before, or another process works on it.

    Args:
        cfg: config of the job.
        hydra: Hydra's config: the job's overrides, the folder of the sweep and the launcher.

    Raises:
        UserError: the sweep is not on this machine, or the job's folder contains another run or cannot be
            used. An error in training is recorded instead.
    """
    sweep = Sweep(Path(hydra.sweep.dir))
    if not (sweep.path / "sweep.yaml").is_file():
        raise UserError(
            f"{sweep.path} is not on this machine: output_dir must be on a disk that all machines share."
        )
    os.chdir(hydra.runtime.cwd)  # a worker of Ray starts in another folder
    with importing():
        from jlml.runs import Run

    logging.getLogger("jlml").propagate = False  # log to train.log only; the terminal shows the sweep
    job = job_name(values_of(sweep.read()["over"], hydra.overrides.task))
    with sweep.lock(job, wait=ORPHANED) as free:
        if free:
            train_rest(sweep, Run.at(sweep.path / job), cfg)
    sweep.write_results()


def train_rest(sweep: Sweep, run: "Run", cfg: DictConfig) -> None:
    """Trains the rest of a run, if it is not finished.

    Raises:
        UserError: the folder contains a run with another config.
    """
    from jlml.training.build import run_config
    from jlml.training.train import train

    if (run.path / "config.yaml").is_file():
        there, here = run.config(trust=True), run_config(cfg)
        here["image_shape"] = there["image_shape"]
        # otherwise known only after reading the data
        here["data"]["name"] = there["data"]["name"]
        here["data_fingerprint"] = there.get("data_fingerprint")
        if here.get("scheduler", {}).get("total_steps", ...) is None:  # this as well
            here["scheduler"]["total_steps"] = there["scheduler"].get("total_steps")
        run.refuse_another(here, choose="another sweep.name")
    before = run.metrics()
    if before.get("status") == "finished" or (before.get("status") == "failed" and not cfg.sweep.retry):
        return
    begun = before | {"status": "running"}
    run.write_metrics(begun)  # now, because the data and the model can end this process
    try:
        train(cfg, run=run, progress=[])
    except Exception as error:
        if run.metrics() == begun:  # it failed too early to record the failure itself
            sweep.record_failure(run.path.name, reason_of(error))


def values_of(keys: Sequence[str], overrides: Sequence[str]) -> dict[str, str]:
    """The values of the swept keys in a job's overrides, in the order of the sweep."""
    values = dict(override.lstrip("+~").partition("=")[::2] for override in overrides)
    return {key: values[key] for key in keys}
