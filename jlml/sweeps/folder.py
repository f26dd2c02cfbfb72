"""A sweep on disk: what was planned, what has become of it, and the results so far.

<sweep>/sweep.yaml    the words, the swept keys with their values, every job
<sweep>/<job>/        a run folder each
<sweep>/results.csv   a row a job, complete after every job
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from jlml.errors import UserError, first_line
from jlml.files import (
    is_number,
    locked,
    read_json,
    read_limited,
    refuse_links_out,
    write_atomically,
)
from jlml.runs.config_file import is_texts as is_words
from jlml.runs.config_file import read_yaml
from jlml.sweeps.plan import Plan

ENDED = ("finished", "failed")
MEASURED = ("epochs", "fit_seconds", "images_per_second")


@dataclass(frozen=True)
class Result:
    """What has become of a job so far."""

    job: str
    factors: dict[str, str]  # the values of the swept keys
    record: dict[str, Any]  # metrics.json of its run folder; empty before it has begun
    progress: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.record.get("status", "waiting"))

    @property
    def metrics(self) -> dict[str, float]:
        found = self.record.get("metrics")
        numbers = found.items() if isinstance(found, dict) else ()
        return {name: value for name, value in numbers if is_number(value)}

    @property
    def seconds(self) -> float:
        """Of training."""
        seconds: Any = self.record.get("fit_seconds")
        return float(seconds) if is_number(seconds) else 0.0


@dataclass(frozen=True)
class Sweep:
    """The folder of a sweep. Other commands may be at work in it: nothing that is read is kept."""

    path: Path

    def read(self) -> dict[str, Any]:
        """What sweep.yaml says.

        Raises:
            UserError: there is none, or it is damaged.
        """
        try:
            content = read_yaml(self.path / "sweep.yaml")
        except Exception as error:  # a damaged file can make the parser raise anything
            raise UserError(f"{self.path} is not the folder of a sweep: {first_line(error)}.") from error
        over, fixed, jobs = (
            content.get(key) if isinstance(content, dict) else None for key in ("over", "fixed", "jobs")
        )
        if not is_words(over) or not is_words(fixed) or not is_jobs(jobs, over):
            raise UserError(f"{self.path} is not the folder of a sweep: its sweep.yaml has no jobs.")
        return content

    def jobs(self) -> dict[str, dict[str, str]]:
        """The values of the swept keys, by job."""
        return {
            name: {key: str(value) for key, value in job.items()} for name, job in self.read()["jobs"].items()
        }

    def record(self, plan: Plan) -> None:
        """Writes sweep.yaml. What was planned here before stays planned: a sweep may grow.

        Raises:
            UserError: this folder holds another sweep, or what is written in it would go elsewhere.
        """
        refuse_links_out(self.path)
        is_there = (self.path / "sweep.yaml").is_file()
        if not is_there and self.path.is_dir() and any(p.name[0] != "." for p in self.path.iterdir()):
            raise UserError(f"{self.path} is there already and holds no sweep. Choose another sweep.name.")
        fixed = [word for word in plan.words if word.split("=")[0].lstrip("+~") not in plan.factors]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self.alone("sweep.yaml", wait=60):
                jobs = plan.jobs
                if (self.path / "sweep.yaml").is_file():
                    self._refuse_another(self.read(), plan, fixed)
                    jobs = self.jobs() | jobs
                content = {"over": list(plan.factors), "fixed": fixed, "jobs": jobs}
                write_atomically(self.path / "sweep.yaml", OmegaConf.to_yaml(OmegaConf.create(content)))
        except OSError as error:
            raise UserError(f"No sweep folder can be made at {self.path}: {error.strerror}.") from error

    def _refuse_another(self, old: dict[str, Any], plan: Plan, fixed: Sequence[str]) -> None:
        over, before = old.get("over") or [], old.get("fixed") or []
        if over != list(plan.factors):
            raise UserError(
                f"{self.path} is a sweep over {', '.join(map(str, over))}, and this one is over "
                f"{', '.join(plan.factors)}. Choose another sweep.name."
            )
        if sorted(before) != sorted(fixed):
            only = [f"{word} then" for word in before if word not in fixed]
            only += [f"{word} now" for word in fixed if word not in before]
            raise UserError(
                f"{self.path} was begun with other words: {', '.join(only)}. Choose another sweep.name."
            )

    def result(self, job: str, factors: dict[str, str]) -> Result:
        """What has become of one job."""
        folder, refused = self.path / job, self.refusal(job)
        record = read_json(folder / "metrics.json")
        if refused.is_file():
            record = {"status": "failed", "error": read_limited(refused).decode(errors="replace")}
        return Result(job, factors, record, read_json(folder / "progress.json"))

    def results(self) -> list[Result]:
        """Every job, in the order of the plan."""
        return [self.result(job, factors) for job, factors in self.jobs().items()]

    def refusal(self, job: str) -> Path:
        """Where it stands why a job was not even tried: its folder is someone else's, or cannot be read."""
        return self.path / ".refused" / job

    @contextmanager
    def alone(self, job: str, wait: float) -> Iterator[bool]:
        """Keeps other processes off a job; False if one has it and keeps it longer than ``wait`` seconds."""
        folder = self.path / ".locks"
        folder.mkdir(exist_ok=True)
        with locked(folder / f"{job}.lock", wait) as free:
            yield free

    def is_held(self, job: str) -> bool:
        """Whether some process is at this job now."""
        with self.alone(job, wait=0) as free:
            return not free

    def write_results(self) -> None:
        """Writes results.csv."""
        with self.alone("results.csv", wait=60):
            write_atomically(self.path / "results.csv", as_csv(self.results()))


def is_jobs(jobs: Any, over: Any) -> bool:
    """Whether these are jobs, each in a folder right here, with a value for every swept key."""
    return (
        isinstance(jobs, dict)
        and len(jobs) > 0
        and all(isinstance(name, str) and Path(name).name == name != ".." for name in jobs)
        and all(isinstance(job, dict) and set(job) == set(over) for job in jobs.values())
    )


def as_csv(results: Sequence[Result]) -> str:
    """A row a job: its values, its state, its metrics, what it took."""
    metrics = list(dict.fromkeys(name for result in results for name in result.metrics))
    factors = list(dict.fromkeys(key for result in results for key in result.factors))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["job", "status", *factors, "data", *metrics, *MEASURED, "error"])
    for result in results:
        values = [result.factors.get(key, "") for key in factors]
        numbers = [result.metrics.get(name, "") for name in metrics]
        took = [result.record.get(key, "") for key in MEASURED]
        row = [result.job, result.status, *values, result.record.get("data", ""), *numbers, *took]
        table.writerow([*row, result.record.get("error", "")])
    return text.getvalue()


def ranked(results: Sequence[Result], metric: str) -> list[Result]:
    """The finished jobs that have the metric, the lowest first."""
    return sorted((r for r in results if metric in r.metrics), key=lambda result: result.metrics[metric])
