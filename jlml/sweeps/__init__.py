"""Sweeps: plans, launches, resumes and watches many runs. Imports torch only when a job runs."""

from jlml.sweeps.command import Swept, sweep
from jlml.sweeps.folder import Sweep
from jlml.sweeps.job import run_job

__all__ = ["Sweep", "Swept", "run_job", "sweep"]
