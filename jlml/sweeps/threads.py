"""How many threads each of several jobs may take: two that each take every core are six times slower."""

from collections.abc import Mapping
from typing import Any

from jlml.errors import UserError


def threads_for(launcher: Mapping[str, Any], jobs: int) -> int | None:
    """Threads per job under this launcher; None for torch's own choice, all cores.

    Args:
        launcher: its part of the config.
        jobs: their number: fewer than could run at once leave more cores to each.

    Raises:
        UserError: the launcher cannot run this number of jobs at once.
    """
    target = str(launcher["_target_"])
    if "joblib" in target:
        import joblib  # here: it takes a moment, and it knows the cores of a container

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
