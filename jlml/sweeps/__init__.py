"""Many runs from one command: planned, resumed, watched, and answered. Imports no torch until a job runs."""

from jlml.sweeps.command import sweep
from jlml.sweeps.folder import Sweep
from jlml.sweeps.job import run_job

__all__ = ["Sweep", "run_job", "sweep"]
