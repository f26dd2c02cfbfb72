"""What `train.py -m` is about to do, known before any of it is done: which jobs, in which folders."""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from jlml.comparison.comparable import is_common_metric, obstacle
from jlml.config import Config, check, check_job, compose, plain
from jlml.errors import UserError

OF_COMMAND = (
    "output_dir",
    "data.root",
    "threads",
    "trust",
)  # overrides that make no other sweep; and sweep.*
LONGEST = 100  # characters of a folder's name; a file system allows 255 bytes


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep.

    Args:
        overrides: what was asked for, without what concerns only how it is run.
        factors: every swept key with its values.
        elements: each key as it was given, with the plus of one that is new.
    """

    overrides: tuple[str, ...]
    factors: dict[str, list[str]]
    elements: dict[str, str]

    @property
    def jobs(self) -> dict[str, dict[str, str]]:
        """Every combination of values, by the name of the job's folder."""
        combinations = itertools.product(*self.factors.values())
        jobs = [dict(zip(self.factors, values, strict=True)) for values in combinations]
        return {job_name(job): job for job in jobs}

    @property
    def name(self) -> str:
        """The swept keys, and a hash of all overrides: the same overrides find the same sweep again."""
        keys = "_".join(re.split(r"[./]", key)[-1] for key in self.factors)
        return f"{keys[:LONGEST].rstrip('-_.')}-{digest(*sorted(self.overrides))}"

    @property
    def fixed(self) -> list[str]:
        """The overrides that are the same for all jobs."""
        return [each for each in self.overrides if each.split("=")[0].lstrip("+~") not in self.factors]

    def overrides_of(self, job: Mapping[str, str]) -> list[str]:
        """The values of a job as overrides of their own."""
        return [f"{self.elements[key]}={value}" for key, value in job.items()]


def plan_of(overrides: Sequence[Override]) -> Plan:
    """What the overrides of a command line ask for.

    Raises:
        UserError: nothing is swept, or not by a list of values, or something that is not of a job.
    """
    factors: dict[str, list[str]] = {}
    elements: dict[str, str] = {}
    for override in overrides:
        if override.is_sweep_override():
            check_sweep(override, overrides)
            key = override.key_or_group
            elements[key] = override.get_key_element()
            factors[key] = list(dict.fromkeys(override.sweep_string_iterator()))
    if not factors:
        raise UserError("-m needs a key with several values, for example seed=0,1,2. Otherwise leave -m out.")
    kept = [str(o.input_line) for o in overrides if not o.is_hydra_override() and not is_of_command(o)]
    return Plan(tuple(kept), factors, elements)


def check_sweep(override: Override, overrides: Sequence[Override]) -> None:
    """Refuses a sweep that is not a list of values of one key of a run.

    Args:
        override: with several values.
        overrides: all of the command line.

    Raises:
        UserError: naming the override.
    """
    line, key = override.input_line, override.key_or_group
    if override.is_hydra_override() or is_of_command(override):
        raise UserError(f"{line} is invalid: {key} is the same for all jobs of a sweep. Give one value.")
    if override.is_delete():
        raise UserError(f"{line} removes a key and gives it values. Use ~{key} or {key}=<values>.")
    if not override.is_discrete_sweep():
        raise UserError(f"{line} is invalid: expected values, such as {key}=1,2,3 or {key}=range(1,4).")
    if sum(other.key_or_group == key for other in overrides) > 1:
        raise UserError(f"{key} is given twice, and one of both sweeps it. Give all values in one override.")


def check_jobs(plan: Plan, fixed: Sequence[str]) -> list[Config]:
    """Refuses a sweep of which some job is invalid: a value that is wrong in one job is wrong in all.

    Args:
        plan: whose every value is tried once, beside the first values of the other keys.
        fixed: the overrides that are the same for all jobs.

    Returns:
        The configs that were tried: any two jobs differ in no other keys than these.

    Raises:
        UserError: naming the value.
    """
    first = {key: values[0] for key, values in plan.factors.items()}
    tried = [first] + [first | {key: value} for key, values in plan.factors.items() for value in values[1:]]
    configs = [plain(compose(*fixed, *plan.overrides_of(job))) for job in tried]
    for config in configs:
        check(config)
        check_job(config)
    return configs


def check_rank(metric: str, configs: Sequence[Config]) -> None:
    """Refuses a ranking by a metric that does not compare between jobs.

    Jobs with different images are ranked by a yardstick all the same: the answer warns.

    Raises:
        UserError: naming the key in which they differ.
    """
    differing = None if is_common_metric(metric) else obstacle(metric, configs)
    if differing:
        raise UserError(
            f"sweep.rank={metric} does not compare jobs that differ in {differing}: {differing.reason}. Use "
            "val/mse or val/bce."
        )


def job_name(factors: Mapping[str, str]) -> str:
    """A folder's name for the values of a job, such as ``model-ae_latent.dim-5``.

    It has no = and no comma, which mean something on a command line. Values that look the same without their
    signs are told apart by a hash.
    """
    exact = "_".join(f"{key}-{value}" for key, value in factors.items())
    name = re.sub(r"[^\w.+-]+", "-", exact).strip("-")[:LONGEST].rstrip("-_.")
    return name if name == exact else f"{name}-{digest(exact)}"


def digest(*texts: str) -> str:
    """Eight characters that other texts would not give."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


def is_of_command(override: Override) -> bool:
    """Whether an override changes no job."""
    return override.key_or_group.startswith("sweep.") or override.key_or_group in OF_COMMAND
