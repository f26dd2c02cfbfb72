"""Runs the jobs of a sweep with Hydra's launchers, and recovers if a worker is killed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

from omegaconf import DictConfig

from jlml.distributed.orphans import as_parent
from jlml.errors import UserError, first_line
from jlml.sweeps.folder import Sweep
from jlml.sweeps.plan import Plan

LAUNCHERS = ("joblib", "multiprocessing", "ray", "submitit")  # their errors are not errors of jlml
WATCH = "jlml.distributed.orphans.end_with_parent"
ENDING = 5.0  # seconds for the other workers to end and release their locks after one was killed


def run_jobs(app: Callable[[], None], overrides: Sequence[str], folder: Sweep, plan: Plan) -> None:
    """Runs all jobs, and starts again if a worker of joblib is killed.

    If one worker is killed, all of them end. Their unfinished jobs are then run one at a time. A job whose
    process is killed again has failed. The other jobs follow.

    Raises:
        UserError: the launcher has failed.
    """
    while True:
        try:
            multirun(app, overrides)
            return
        except BrokenExecutor:  # raised by joblib when a worker was killed
            jobs = {job: values for job, values in plan.jobs.items() if is_cut_off(folder, job, values)}
            if not jobs:
                raise UserError(
                    "A worker was killed before its job started. The same command resumes the sweep."
                ) from None
        for job, values in jobs.items():
            try:
                multirun(app, [*overrides, *plan.overrides_of(values)])  # the last override of a key applies
            except BrokenExecutor:
                folder.record_failure(job, "its process was killed twice, perhaps for lack of memory")


def is_cut_off(folder: Sweep, job: str, values: dict[str, str]) -> bool:
    """Whether a job has the status running, but no process works on it any more."""
    if folder.result(job, values).status != "running":
        return False
    with folder.lock(job, wait=ENDING) as free:
        return free


@contextmanager
def tied_workers(launcher: DictConfig) -> Iterator[list[str]]:
    """Makes the workers of joblib end with this process. Those of Ray and Slurm have other parents.

    Yields an override that makes workers watch their parent when they start, not with their first job.
    """
    if "joblib" not in launcher._target_:
        yield []
        return
    with as_parent():
        yield [f"+hydra.launcher.initializer={{_target_:hydra.utils.get_method,path:{WATCH}}}"]


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
