"""Plans and checks all jobs of `train.py -m` before the first one starts."""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from jlml.comparison.comparable import is_common_metric, obstacle
from jlml.config import Config, check, check_job, compose, plain
from jlml.errors import UserError

# keys that do not affect the identity of a sweep, like all of sweep.*
SHARED_KEYS = ("output_dir", "data.root", "threads", "trust")
LONGEST = 100  # characters of a folder's name; file systems allow 255 bytes


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep.

    Args:
        overrides: overrides of the command, without Hydra's own and `SHARED_KEYS`.
        factors: swept keys with their values.
        elements: swept keys as they were given, with the plus of a new key.
    """

    overrides: tuple[str, ...]
    factors: dict[str, list[str]]
    elements: dict[str, str]

    @property
    def jobs(self) -> dict[str, dict[str, str]]:
        """All combinations of values, by the name of the job's folder."""
        combinations = itertools.product(*self.factors.values())
        jobs = [dict(zip(self.factors, values, strict=True)) for values in combinations]
        return {job_name(job): job for job in jobs}

    @property
    def name(self) -> str:
        """The swept keys and a hash of all overrides. The same overrides give the same name."""
        keys = "_".join(re.split(r"[./]", key)[-1] for key in self.factors)
        return f"{keys[:LONGEST].rstrip('-_.')}-{digest(*sorted(self.overrides))}"

    @property
    def fixed(self) -> list[str]:
        """The overrides that are equal for all jobs."""
        return [each for each in self.overrides if each.split("=")[0].lstrip("+~") not in self.factors]

    def overrides_of(self, job: Mapping[str, str]) -> list[str]:
        """The values of a job as overrides."""
        return [f"{self.elements[key]}={value}" for key, value in job.items()]


def plan_of(overrides: Sequence[Override]) -> Plan:
    """Makes the plan of the overrides on a command line.

    Raises:
        UserError: no key is swept, or a sweep is invalid.
    """
    factors: dict[str, list[str]] = {}
    elements: dict[str, str] = {}
    for override in overrides:
        if override.is_sweep_override():
            check_sweep(override, overrides)
            key = override.key_or_group
            elements[key] = override.get_key_element()
            factors[key] = list(dict.fromkeys(override.sweep_string_iterator()))
            if not factors[key]:
                raise UserError(f"{override.input_line} has no values. Give some, for example {key}=1,2,3.")
    if not factors:
        raise UserError("-m needs a key with several values, for example seed=0,1,2. Otherwise leave -m out.")
    shared = [o.is_hydra_override() or is_shared_key(o, overrides) for o in overrides]
    kept = [str(o.input_line) for o, is_shared in zip(overrides, shared, strict=True) if not is_shared]
    return Plan(tuple(kept), factors, elements)


def check_sweep(override: Override, overrides: Sequence[Override]) -> None:
    """Refuses a sweep that is not a list of values for one key of a run.

    Args:
        override: override with several values.
        overrides: all overrides of the command line.

    Raises:
        UserError: the message names the override.
    """
    line, key = override.input_line, override.key_or_group
    if override.is_hydra_override() or is_shared_key(override, overrides):
        raise UserError(f"{line} is invalid: {key} is the same for all jobs of a sweep. Give one value.")
    if override.is_delete():
        raise UserError(f"{line} removes a key and gives it values. Use ~{key} or {key}=<values>.")
    if not override.is_discrete_sweep():
        raise UserError(f"{line} is invalid: expected values, for example {key}=1,2,3 or {key}=range(1,4).")
    if sum(other.key_or_group == key for other in overrides) > 1:
        raise UserError(f"{key} is given twice and has several values. Give all values in one override.")


def check_jobs(plan: Plan, fixed: Sequence[str]) -> list[Config]:
    """Refuses a sweep with an invalid job.

    Checks each value once, together with the first values of the other keys: an invalid value is usually
    invalid in all combinations.

    Args:
        plan: plan of the sweep.
        fixed: overrides that are equal for all jobs.

    Returns:
        The checked configs. They contain every value of every swept key.

    Raises:
        UserError: the message names the value.
    """
    first = {key: values[0] for key, values in plan.factors.items()}
    tried = [first] + [first | {key: value} for key, values in plan.factors.items() for value in values[1:]]
    configs = [plain(compose(*fixed, *plan.overrides_of(job))) for job in tried]
    for config in configs:
        check(config)
        check_job(config)
    return configs


def check_rank(metric: str, configs: Sequence[Config]) -> None:
    """Refuses a ranking by a metric that cannot be compared between the jobs.

    A common metric is allowed even if the jobs have different images; the answer then has a warning.

    Raises:
        UserError: the message names the key in which the jobs differ.
    """
    differing = None if is_common_metric(metric) else obstacle(metric, configs)
    if differing:
        raise UserError(
            f"sweep.rank={metric} cannot compare jobs that differ in {differing}: {differing.reason}. Use "
            "val/mse or val/bce."
        )


def job_name(factors: Mapping[str, str]) -> str:
    """The name of a job's folder, from its values, for example ``model-ae_latent.dim-5``.

    It contains neither = nor a comma, which have a meaning on a command line. If characters had to be
    replaced, a hash keeps the name unique.
    """
    exact = "_".join(f"{key}-{value}" for key, value in factors.items())
    name = re.sub(r"[^\w.+-]+", "-", exact).strip("-")[:LONGEST].rstrip("-_.")
    return name if name == exact else f"{name}-{digest(exact)}"


def digest(*texts: str) -> str:
    """A hash of texts, eight characters long."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


def is_shared_key(override: Override, overrides: Sequence[Override]) -> bool:
    """Whether an override does not affect the identity of a sweep.

    `data.root` does if it is the folder of the images themselves, not the one of all downloaded data.
    """
    key = override.key_or_group
    if key == "data.root":
        return not any(other.key_or_group == "data" and other.value() == "folder" for other in overrides)
    return key.startswith("sweep.") or key in SHARED_KEYS
