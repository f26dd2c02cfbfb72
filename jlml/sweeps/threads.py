"""Divides the cores among parallel jobs. Two jobs that each use all cores are six times slower."""

from collections.abc import Mapping
from typing import Any

from jlml.errors import UserError


def threads_for(launcher: Mapping[str, Any], jobs: int) -> int | None:
    """Number of threads per job for a launcher; None for torch's default, all cores.

    Args:
        launcher: config of the launcher.
        jobs: number of jobs; with few jobs, each gets more cores.

    Raises:
        UserError: the launcher's number of parallel jobs is invalid.
    """
    target = str(launcher["_target_"])
    if "joblib" in target:
        import joblib  # imported here because it is slow; it knows the number of cores in a container

        try:
            at_once = min(joblib.effective_n_jobs(launcher.get("n_jobs")), jobs)
        except (ValueError, TypeError) as error:
            raise UserError(
                f"hydra.launcher.n_jobs={launcher.get('n_jobs')} is invalid: expected an integer >= 1, or -1 "
                "for one job per core."
            ) from error
        return max(1, joblib.cpu_count() // at_once)
    if "ray" in target:
        cpus = (launcher["ray"].get("remote") or {}).get("num_cpus", 1)
        return max(1, int(cpus))
    if "submitit" in target:
        return launcher.get("cpus_per_task")
    return None
