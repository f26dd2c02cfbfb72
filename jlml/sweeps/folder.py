"""The folder of a sweep: its plan, its jobs and their results.

<sweep>/sweep.yaml    the overrides, the swept keys, and every job with its values
<sweep>/<job>/        the run folder of a job
<sweep>/results.csv   one row per job, updated after every job
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jlml.comparison.csv_text import as_csv
from jlml.errors import UserError, first_line
from jlml.files import (
    is_number,
    is_texts,
    locked,
    read_json,
    read_limited,
    refuse_links_out,
    write_atomically,
)
from jlml.sweeps.plan import Plan

ENDED = ("finished", "failed")
MEASURED = ("epochs", "fit_seconds", "images_per_second")


@dataclass(frozen=True)
class Result:
    """The present state and results of a job."""

    job: str
    factors: dict[str, str]  # values of the swept keys
    record: dict[str, Any]  # metrics.json of its run folder; empty before it starts
    progress: dict[str, Any]  # progress.json of its run folder

    @property
    def status(self) -> str:
        return str(self.record.get("status", "waiting"))

    @property
    def is_pending(self) -> bool:
        """Whether the job still has to run, or runs now."""
        return self.status not in ENDED

    @property
    def metrics(self) -> dict[str, float]:
        found = self.record.get("metrics")
        numbers = found.items() if isinstance(found, dict) else ()
        return {name: value for name, value in numbers if is_number(value)}

    @property
    def seconds(self) -> float:
        """Duration of training."""
        seconds: Any = self.record.get("fit_seconds")
        return float(seconds) if is_number(seconds) else 0.0


@dataclass(frozen=True)
class Sweep:
    """The folder of a sweep. Reads files on every call, because other commands may change them."""

    path: Path

    def read(self) -> dict[str, Any]:
        """The content of sweep.yaml: ``over``, ``fixed`` and ``jobs``.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            content = yaml.safe_load(read_limited(self.path / "sweep.yaml"))
        except Exception as error:  # a damaged file can make the parser raise any error
            raise UserError(f"{self.path} is not the folder of a sweep: {first_line(error)}.") from error
        if not is_plan(content):
            raise UserError(f"{self.path} is not the folder of a sweep: its sweep.yaml has no jobs.")
        return content

    def jobs(self) -> dict[str, dict[str, str]]:
        """The values of the swept keys, by job."""
        return self.read()["jobs"]

    def record(self, plan: Plan) -> None:
        """Writes sweep.yaml. Adds the jobs to those that are already planned here.

        Raises:
            UserError: the folder contains another sweep, or has a link that leads out of it.
        """
        refuse_links_out(self.path)
        file = self.path / "sweep.yaml"
        if not file.is_file() and self.path.is_dir() and any(p.name[0] != "." for p in self.path.iterdir()):
            raise UserError(f"{self.path} exists and is not a sweep. Choose another sweep.name.")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self.lock(file.name, wait=60):
                jobs = plan.jobs
                if file.is_file():
                    self._refuse_another(plan)
                    jobs = self.jobs() | jobs
                content = {"over": list(plan.factors), "fixed": plan.fixed, "jobs": jobs}
                write_atomically(file, yaml.safe_dump(content, sort_keys=False))
        except OSError as error:
            raise UserError(f"A sweep folder cannot be created at {self.path}: {error.strerror}.") from error

    def _refuse_another(self, plan: Plan) -> None:
        over, before, now = self.read()["over"], self.read()["fixed"], plan.fixed
        if over != list(plan.factors):
            raise UserError(
                f"{self.path} is a sweep over {', '.join(over)}, and this one is over "
                f"{', '.join(plan.factors)}. Choose another sweep.name."
            )
        if sorted(before) != sorted(now):
            only = [f"{given} then" for given in before if given not in now]
            only += [f"{given} now" for given in now if given not in before]
            raise UserError(
                f"{self.path} was started with other overrides: {', '.join(only)}. Choose another sweep.name."
            )

    def result(self, job: str, factors: dict[str, str]) -> Result:
        """The present result of a job."""
        folder = self.path / job
        return Result(job, factors, read_json(folder / "metrics.json"), read_json(folder / "progress.json"))

    def results(self) -> list[Result]:
        """The results of all jobs, in the order of the plan."""
        return [self.result(job, factors) for job, factors in self.jobs().items()]

    @contextmanager
    def lock(self, name: str, wait: float) -> Iterator[bool]:
        """Locks a job or a file, and yields whether this process has the lock.

        Args:
            name: name of the job or the file.
            wait: seconds to wait if another process has the lock.
        """
        folder = self.path / ".locks"
        folder.mkdir(exist_ok=True)
        with locked(folder / f"{name}.lock", wait) as free:
            yield free

    def is_held(self, job: str) -> bool:
        """Whether a process works on this job now."""
        with self.lock(job, wait=0) as free:
            return not free

    def record_failure(self, job: str, error: str) -> None:
        """Adds the failure of a job to its metrics.json."""
        file = self.path / job / "metrics.json"
        file.parent.mkdir(exist_ok=True)
        record = read_json(file) | {"status": "failed", "error": error}
        write_atomically(file, json.dumps(record, indent=2) + "\n")

    def write_results(self) -> None:
        """Writes results.csv."""
        with self.lock("results.csv", wait=60):
            write_atomically(self.path / "results.csv", results_csv(self.results()))


def is_plan(content: Any) -> bool:
    """Whether a value is a valid plan: each job is the name of a folder, with a value per swept key."""
    if (
        not isinstance(content, dict)
        or not is_texts(content.get("over"))
        or not is_texts(content.get("fixed"))
    ):
        return False
    jobs = content.get("jobs")
    return (
        isinstance(jobs, dict)
        and len(jobs) > 0
        and all(isinstance(name, str) and Path(name).name == name != ".." for name in jobs)
        and all(isinstance(job, dict) and set(job) == set(content["over"]) for job in jobs.values())
        and all(is_texts([*job.values()]) for job in jobs.values())
    )


def results_csv(results: Sequence[Result]) -> str:
    """A CSV with one row per job: values, status, metrics and duration."""
    metrics = dict.fromkeys(name for result in results for name in result.metrics)
    factors = dict.fromkeys(key for result in results for key in result.factors)
    rows = [
        {
            "job": result.job,
            "status": result.status,
            **result.factors,
            **result.metrics,
            **{key: result.record.get(key) for key in ("data", *MEASURED, "error")},
        }
        for result in results
    ]
    return as_csv(["job", "status", *factors, "data", *metrics, *MEASURED, "error"], rows)


def ranked(results: Sequence[Result], metric: str) -> list[Result]:
    """The jobs that have the metric, the lowest value first."""
    return sorted((r for r in results if metric in r.metrics), key=lambda result: result.metrics[metric])
