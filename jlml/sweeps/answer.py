"""The result of a sweep, averaged over seeds: in sentences, as tables, as CSV files and as a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jlml.comparison.comparable import is_common_metric, obstacle
from jlml.comparison.decision_table import decisions_csv
from jlml.comparison.decisions import Decision, decisions_about
from jlml.comparison.group_tables import groups_csv, spread_rows
from jlml.comparison.groups import Group, grouped
from jlml.comparison.quantities import quantity_of
from jlml.comparison.sentences import sentences
from jlml.comparison.tables import Cell, Table
from jlml.config import Config
from jlml.evaluation.shown_scores import has_other_picture
from jlml.files import write_atomically
from jlml.pictures.figures import Line, Picture, as_png, factor_lines
from jlml.runs import Run
from jlml.sweeps.axes import as_number, is_numeric, roles_of, ticks_of
from jlml.sweeps.folder import Result, Sweep
from jlml.training.words import counted

SEEDS = ("seed", "data.seed")
MOST_SENTENCES = 6
SHOWN = tuple(f"test/{name}" for name in ("mse", "bce", "kl", "loss", "nll", "elbo"))


@dataclass(frozen=True)
class Answer:
    """The finished jobs of a sweep, with a group for each combination of swept values except the seed.

    Args:
        factors: swept keys except the seed, with their values.
        groups: finished jobs of each combination, in the order of the sweep.
        configs: config of the first job of each group.
        failed: number of failed jobs, which are in no group.
    """

    factors: dict[str, list[str]]
    groups: dict[tuple[str, ...], Group[Result]]
    configs: Sequence[Config]
    failed: int = 0

    @property
    def metrics(self) -> list[str]:
        """The metrics that losses and objectives allow to compare between all groups."""
        return [
            name
            for name in SHOWN
            if any(group.values(name) for group in self.groups.values())
            if is_common_metric(name) or obstacle(name, self.configs) is None
        ]

    @property
    def warning(self) -> str:
        """A warning if groups were tested on different images, otherwise empty."""
        different = obstacle("test/mse", self.configs)
        return f"Tested on different images: no metric compares across {different}." if different else ""

    @property
    def decisions(self) -> list[Decision]:
        """Which values of the swept keys are better, in each metric that can be compared."""
        if self.warning:
            return []
        groups = list(self.groups.values())
        return [decision for name in self.metrics for decision in decisions_about(groups, name)]

    @property
    def sentences(self) -> list[str]:
        """The most important decisions in sentences, and how to read them."""
        found = sentences(self.decisions, MOST_SENTENCES)
        if found and has_other_picture(self.configs):
            found.append(
                "MSE and BCE are here of the mean, which every loss has. Lambda stands for the continuous "
                "Bernoulli: evaluate.py sweep= compares it."
            )
        if self.failed and found:
            found.append(
                f"{counted(self.failed, 'failed job')} left out. A setting whose other seeds finished is "
                "judged by these, which can make it look better than it is."
            )
        return found

    def table(self) -> Table:
        """One row per group. A value is bold if it is decided that its group is the best."""
        cells = spread_rows(list(self.groups.values()), self.metrics, compared=not self.warning)
        rows = [
            [*map(Cell, values), Cell(str(len(group.runs))), *row]
            for (values, group), row in zip(self.groups.items(), cells, strict=True)
        ]
        headings = [quantity_of(name).heading for name in self.metrics]
        title = "On the test images, mean ± standard deviation over seeds"
        return Table(title, [*self.factors, "seeds", *headings], rows, keys=max(1, len(self.factors)))

    def csv(self) -> str:
        """A CSV with one row per group and metric."""
        values = [dict(zip(self.factors, values, strict=True)) for values in self.groups]
        return groups_csv(list(self.groups.values()), values, self.metrics)

    def picture(self) -> Picture | None:
        """A picture with factors on the x axis, as lines and as panels; None if only seeds were swept."""
        if not self.factors:
            return None
        along, line, panel = roles_of(self.factors)
        ticks = ticks_of(along, self.factors[along])
        rest = [key for key in self.factors if key not in (along, panel)]
        rows = {}
        for name in self.metrics:
            quantity = quantity_of(name)
            rows[f"test {quantity.label}\n{quantity.unit}"] = self._panels(name, along, rest, panel)
        has_seeds = any(len(group.runs) > 1 for group in self.groups.values())
        title = "Mean and band of one standard deviation over seeds" if has_seeds else "One seed each"
        lines = f"; one line per {', '.join(rest)}" if line else ""
        warning = f"\n{self.warning}" if self.warning else ""
        return factor_lines(rows, ticks, title + lines + warning)

    def _panels(self, name: str, along: str, rest: Sequence[str], panel: str | None) -> dict[str, list[Line]]:
        """The lines of a metric, by panel. Every panel has the same lines in the same order."""
        panels: dict[str, dict[str, dict[int, list[float]]]] = {}
        for values, group in self.groups.items():
            chosen = dict(zip(self.factors, values, strict=True))
            title = f"{panel}={chosen[panel]}" if panel else ""
            label = ", ".join(chosen[key] if len(rest) == 1 else f"{key}={chosen[key]}" for key in rest)
            place = self.factors[along].index(chosen[along])
            line = panels.setdefault(title, {}).setdefault(label, {})
            if group.values(name):
                line[place] = group.values(name)
        labels = list(dict.fromkeys(label for lines in panels.values() for label in lines))
        return {
            title: [Line(label, lines.get(label, {})) for label in labels] for title, lines in panels.items()
        }


def answer_of(sweep: Sweep) -> Answer:
    """The answer of a sweep, from its finished jobs."""
    return answer_from(sweep.results(), lambda job: Run(sweep.path / job).config(trust=True))


def answer_from(results: Sequence[Result], config_of: Callable[[str], Config]) -> Answer:
    """Groups the finished jobs by their swept values except the seed.

    Args:
        results: results of all jobs.
        config_of: returns the config of a job.
    """
    finished = [result for result in results if result.status == "finished"]
    keys = [key for key in results[0].factors if key not in SEEDS]
    members = grouped(finished, lambda result: tuple(result.factors[key] for key in keys))
    groups = {
        values: Group(
            " ".join(values),
            some,
            dict(zip(keys, values, strict=True)),
            [seeds_of(result) for result in some],
        )
        for values, some in members.items()
    }
    factors = {key: list(dict.fromkeys(result.factors[key] for result in finished)) for key in keys}
    in_order = {
        key: sorted(values, key=as_number) if is_numeric(values) else values
        for key, values in factors.items()
    }
    configs = [config_of(group.first.job) for group in groups.values()]
    return Answer(in_order, groups, configs, sum(result.status == "failed" for result in results))


def seeds_of(result: Result) -> tuple[str | None, ...]:
    """The seeds of a job. Jobs of a sweep that is not over seeds have the same ones."""
    return tuple(result.factors.get(key) for key in SEEDS)


def write_answer(sweep: Sweep, answer: Answer) -> list[str]:
    """Writes the answer to the sweep's folder. Returns the names of the written files."""
    files: dict[str, str | bytes] = {"groups.csv": answer.csv()}
    if answer.decisions:
        files["comparisons.csv"] = decisions_csv(answer.decisions)
    picture = answer.picture()
    if picture is not None:
        files["answer.png"] = as_png(picture)
    for name, content in files.items():
        write_atomically(sweep.path / name, content)
    return list(files)
