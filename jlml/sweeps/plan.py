"""What `train.py -m` is about to do, known before any of it is done: which jobs, in which folders."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from jlml.comparison.comparable import is_yardstick, obstacle
from jlml.config import Config, check, check_job, compose, plain
from jlml.errors import UserError

IN_PASSING = ("sweep.", "output_dir", "data.root", "threads", "trust")  # words that make no other sweep of it
LONGEST = 100  # characters of a folder's name; a file system allows 255 bytes


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep.

    Args:
        words: what was asked for, without what concerns only how it is run.
        factors: every swept key with its values.
        elements: each key as it was typed, with the plus of one that is new.
    """

    words: tuple[str, ...]
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
        """The swept keys, and a hash of all words: the same words find the same sweep again."""
        keys = "_".join(re.split(r"[./]", key)[-1] for key in self.factors)
        return f"{cut(keys, LONGEST)}-{digest(*sorted(self.words))}"


def plan_of(overrides: Sequence[Override]) -> Plan:
    """What the words of a command line ask for.

    Raises:
        UserError: nothing is swept, or in a way that is no list of values, or what makes no job.
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
        raise UserError(
            "-m sweeps over values of a key, as seed=0,1,2, and no word has several. Leave -m out."
        )
    kept = [str(o.input_line) for o in overrides if not o.is_hydra_override() and not is_in_passing(o)]
    return Plan(tuple(kept), factors, elements)


def check_sweep(override: Override, all_of_them: Sequence[Override]) -> None:
    """Refuses a swept word that is no list of values of one key of a run.

    Raises:
        UserError: naming the word.
    """
    line, key = override.input_line, override.key_or_group
    if override.is_hydra_override() or is_in_passing(override):
        raise UserError(f"{line} sweeps over how jobs are run, which is one for all of them. Give one value.")
    if override.is_delete():
        raise UserError(f"{line} takes a key out and gives it values. Do one of the two.")
    if not override.is_discrete_sweep():
        raise UserError(f"{line} is a range. Write values: key=1,2,3 or key=range(1,4).")
    if sum(other.key_or_group == key for other in all_of_them) > 1:
        raise UserError(f"{key} is given twice, and one of its words sweeps it. Say all values in one word.")


def check_jobs(plan: Plan, words: Sequence[str]) -> list[Config]:
    """Refuses a sweep of which some job cannot be: a value is wrong in all jobs that have it.

    Args:
        plan: whose every value is tried once, the first of other keys beside it.
        words: those that are the same for all jobs.

    Returns:
        The configs that were tried: any two jobs differ in no other keys than these.

    Raises:
        UserError: naming the value.
    """
    first = {key: values[0] for key, values in plan.factors.items()}
    tried = [first] + [first | {key: value} for key, values in plan.factors.items() for value in values[1:]]
    configs = []
    for job in tried:
        swept = (f"{plan.elements[key]}={value}" for key, value in job.items())
        config = plain(compose(*words, *swept))
        check(config)
        check_job(config)
        configs.append(config)
    return configs


def check_rank(metric: str, configs: Sequence[Config]) -> None:
    """Refuses a ranking by a metric that does not compare between jobs.

    Jobs with different images are ranked by a yardstick all the same: the answer warns.

    Raises:
        UserError: naming the key in which they differ.
    """
    differing = None if is_yardstick(metric) else obstacle(metric, configs)
    if differing:
        raise UserError(
            f"sweep.rank={metric} does not compare jobs that differ in {differing}: {differing.reason}. Use "
            "val/mse or val/bce."
        )


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


def is_in_passing(override: Override) -> bool:
    """Whether a word changes no job."""
    key = override.key_or_group
    return key.startswith(IN_PASSING[0]) or key in IN_PASSING[1:]
