"""Many runs from one command: planned, launched, resumed and watched. Imports no torch until a job runs."""

from jlml.sweeps.command import Swept, sweep
from jlml.sweeps.folder import Sweep
from jlml.sweeps.job import run_job

__all__ = ["Sweep", "Swept", "run_job", "sweep"]
