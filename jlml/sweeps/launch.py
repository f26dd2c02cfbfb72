"""Runs the jobs of a sweep through Hydra's launchers, also where the system kills a worker."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor

from jlml.errors import UserError, first_line
from jlml.sweeps.folder import Sweep
from jlml.sweeps.plan import Plan

LAUNCHERS = ("joblib", "multiprocessing", "ray", "submitit")  # whose own errors are not errors of jlml
ENDING = 5.0  # seconds that the workers of a killed one may take to end and release their jobs


def run_jobs(app: Callable[[], None], overrides: Sequence[str], folder: Sweep, plan: Plan) -> None:
    """Runs all jobs, again after a worker of joblib was killed.

    All workers end with one. The jobs that they leave cut off are then run alone: the one that kills its
    process again has failed, and the rest follow.

    Raises:
        UserError: the launcher has failed.
    """
    while True:
        try:
            multirun(app, overrides)
            return
        except BrokenExecutor:  # joblib's, when a worker is gone
            jobs = {job: values for job, values in plan.jobs.items() if is_cut_off(folder, job, values)}
            if not jobs:
                raise UserError(
                    "A worker was killed before its job began. The same command resumes the sweep."
                ) from None
        for job, values in jobs.items():
            try:
                multirun(app, [*overrides, *plan.overrides_of(values)])  # the last value of a key counts
            except BrokenExecutor:
                folder.record_failure(job, "its process was killed twice, perhaps by lack of memory")


def is_cut_off(folder: Sweep, job: str, values: dict[str, str]) -> bool:
    """Whether a job was at work, and no process works on it any more."""
    if folder.result(job, values).status != "running":
        return False
    with folder.alone(job, wait=ENDING) as free:
        return free


def multirun(app: Callable[[], None], overrides: Sequence[str]) -> None:
    """Runs the Hydra app as `train.py -m` with these overrides.

    Raises:
        UserError: a job's folder cannot be used, or the launcher has failed.
    """
    sys.argv[1:] = ["-m", *overrides]
    try:
        app()
    except BrokenExecutor:
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] in LAUNCHERS:
            raise UserError(
                f"The launcher failed: {first_line(error)}. The same command resumes the sweep."
            ) from error
        raise
