"""What `train.py -m` is about to do, known before any of it is done: which jobs, in which folders."""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from jlml.config import check, check_job, compose, plain
from jlml.errors import UserError

IN_PASSING = ("sweep.", "output_dir", "data.root", "threads")  # words that make no other sweep of it
LONGEST = 100  # characters of a folder's name; a file system allows 255 bytes


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep.

    Args:
        words: what was asked for, without what concerns only how it is run.
        factors: every swept key with its values.
    """

    words: tuple[str, ...]
    factors: dict[str, list[str]]

    @property
    def jobs(self) -> dict[str, dict[str, str]]:
        """Every combination of values, by the name of the job's folder."""
        combinations = itertools.product(*self.factors.values())
        jobs = [dict(zip(self.factors, values, strict=True)) for values in combinations]
        return {job_name(job): job for job in jobs}

    @property
    def name(self) -> str:
        """The swept keys, and a hash of all words: the same words find the same sweep again."""
        keys = "_".join(re.split(r"[./]", key)[-1] for key in self.factors)
        return f"{cut(keys, LONGEST)}-{digest(*sorted(self.words))}"


def plan_of(words: Sequence[str], params: Mapping[str, Any] | None = None) -> Plan:
    """What these words ask for.

    Args:
        words: of the command line, as they were typed.
        params: swept values that the config holds, as Hydra's basic sweeper takes them.

    Raises:
        UserError: nothing is swept, or in a way that is no list of values.
    """
    given = [f"{key}={value}" for key, value in (params or {}).items()] + list(words)
    overrides = [word for word in OverridesParser.create().parse_overrides(given) if not is_hydra(word)]
    factors: dict[str, list[str]] = {}
    for override in overrides:
        if override.is_sweep_override():
            if not override.is_discrete_sweep():
                raise UserError(
                    f"{override.input_line} is a range. Write values: key=1,2,3 or key=range(1,4)."
                )
            factors[override.key_or_group] = list(dict.fromkeys(override.sweep_string_iterator()))
    if not factors:
        raise UserError(
            "-m sweeps over values of a key, as seed=0,1,2, and no word has several. Leave -m out."
        )
    kept = [override.input_line or "" for override in overrides if not is_in_passing(override)]
    return Plan(tuple(kept), factors)


def check_jobs(plan: Plan, words: Sequence[str]) -> None:
    """Refuses a sweep of which some job cannot be: a value is wrong in all jobs that have it.

    Args:
        plan: whose every value is tried once, the first of other keys beside it.
        words: those that are the same for all jobs.

    Raises:
        UserError: naming the value.
    """
    first = {key: values[0] for key, values in plan.factors.items()}
    tried = [first] + [first | {key: value} for key, values in plan.factors.items() for value in values[1:]]
    for job in tried:
        config = plain(compose(*words, *(f"{key}={value}" for key, value in job.items())))
        check(config)
        check_job(config)


def job_name(factors: dict[str, str]) -> str:
    """A folder's name for the values of a job: ``model-ae_latent.dim-5``.

    No = and no comma, which mean something on a command line. Values that look the same without their
    signs are told apart by a hash.
    """
    exact = "_".join(f"{key}-{value}" for key, value in factors.items())
    name = cut(re.sub(r"[^\w.+-]+", "-", exact).strip("-"), LONGEST)
    return name if name == exact else f"{name}-{digest(exact)}"


def cut(name: str, longest: int) -> str:
    """At most so many characters of it."""
    return name[:longest].rstrip("-_.")


def digest(*words: str) -> str:
    """Eight characters that other words would not give."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]


def is_hydra(override: Override) -> bool:
    """Whether a word speaks to Hydra: how jobs are run, not which."""
    return override.is_hydra_override()


def is_in_passing(override: Override) -> bool:
    """Whether a word changes no job."""
    key = override.key_or_group
    return key.startswith(IN_PASSING[0]) or key in IN_PASSING[1:]
