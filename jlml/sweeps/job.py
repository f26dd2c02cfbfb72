"""One job of a sweep, in whichever process it runs: done, gone on with, or tried, and always recorded."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.conf import HydraConf
from omegaconf import DictConfig

from jlml.config import differences, plain
from jlml.distributed.orphans import end_with_parent
from jlml.errors import UserError, reason_of
from jlml.files import write_atomically
from jlml.speed.startup import importing
from jlml.sweeps.folder import Sweep
from jlml.sweeps.plan import job_name

if TYPE_CHECKING:
    from jlml.runs import Run

ORPHANED = 5.0  # seconds after which a worker has seen that its sweep was killed, and has let its job go


def run_job(cfg: DictConfig, hydra: HydraConf) -> None:
    """Trains one combination, unless it is done, failed before, or another process is at it.

    Args:
        cfg: of the job.
        hydra: Hydra's part of it: the job's words, the folder of the sweep, what started this process.

    Raises:
        UserError: the sweep is not on this machine. Any other error is recorded in the sweep.
    """
    if not Path(hydra.sweep.dir, "sweep.yaml").is_file():
        raise UserError(
            f"{hydra.sweep.dir} is not on this machine: output_dir must be on a disk that all machines share."
        )
    os.chdir(hydra.runtime.cwd)  # a worker of Ray begins elsewhere
    with importing():
        from jlml.runs import Run

    if "joblib" in hydra.launcher._target_:
        end_with_parent()
    logging.getLogger("jlml").propagate = False  # train.log has it; the terminal shows the sweep
    sweep = Sweep(Path(hydra.sweep.dir))
    job = job_name(factors_of(hydra.overrides.task, cfg.sweep.over))
    if cfg.sweep.only and job not in cfg.sweep.only:
        return
    with sweep.alone(job, wait=ORPHANED) as free:
        if not free:
            return
        refusal = sweep.refusal(job)
        refusal.unlink(missing_ok=True)
        try:
            run = Run.at(sweep.path / job)
            if (run.path / "config.yaml").is_file():
                refuse_another(run, cfg)
        except UserError as error:  # what is there stays as it is
            refusal.parent.mkdir(exist_ok=True)
            write_atomically(refusal, str(error))
        else:
            go_on(run, cfg)
    sweep.write_results()


def go_on(run: "Run", cfg: DictConfig) -> None:
    """Trains what is left of a run, if anything is."""
    from jlml.training.train import train

    before = run.metrics()
    status = before.get("status")
    if status == "finished" or (status == "failed" and not cfg.sweep.retry):
        return
    try:
        train(cfg, run=run, progress=[])
    except Exception as error:
        if run.metrics() == before:  # it failed before it could say so itself
            record_failure(run, error)


def factors_of(words: Sequence[str], over: Sequence[str]) -> dict[str, str]:
    """The values of the swept keys among a job's words, in the order of the sweep."""
    values = dict(word.lstrip("+~").partition("=")[::2] for word in words)
    return {key: values[key] for key in over}


def refuse_another(run: "Run", cfg: DictConfig) -> None:
    """A run that is there already must be what this job asks for.

    Raises:
        UserError: it is not.
    """
    there, here = run.config(trust=True), plain(cfg)
    here["image_shape"] = there["image_shape"]
    here["data"]["name"] = there["data"]["name"]  # known only once the data have been read
    differing = differences(there, here)
    if differing:
        raise UserError(
            f"{run.path} holds a run of another config: {'; '.join(differing.values())}. Choose another "
            "sweep.name."
        )


def record_failure(run: "Run", error: Exception) -> None:
    """Says so in metrics.json, and keeps what it said besides."""
    run.write_metrics(run.metrics() | {"status": "failed", "error": reason_of(error)})
