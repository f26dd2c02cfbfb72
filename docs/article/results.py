"""The numbers of the article: one value per seed of every metric, and claims that they have to carry."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from scipy.stats import t as student

from jlml.comparison.quantities import RATIO, quantity_of
from jlml.comparison.spread import Spread
from jlml.files import read_json

CHANCE = 0.05  # of a claim that is only noise
DIGITS = 6  # significant ones that are kept
# what the article and its figures can use
KEPT = re.compile(
    r"(reconstruction|reconstruction_shown)/(lambda/)?"
    r"(mse|bce|squared_error|gradient_energy|grey_share|test_images/gradient_energy|test_images/grey_share)"
    r"|reconstruction/by_class/./mse"
    r"|likelihood/(elbo|rate|distortion|importance_bound|active_units)"
    r"|codes/(knn_1|knn_5|knn_15|linear_probe|trustworthiness|continuity|silhouette)"
    r"|baselines/(pca|pixels|mean_image)/(mse|knn_5|linear_probe|trustworthiness)"
    r"|baselines/(largest|smallest)_angle|baselines/smallest_weight_angle"
    r"|generation/(real_test_images|(prior|gaussian|mixture|midpoints|reconstructions)(_lambda)?)"
    r"/(frechet_distance|precision|recall|confidence|gradient_energy|grey_share)"
    r"|generation/class_medians(_lambda)?/((./)?recognised|(./)?confidence)"
    r"|steps/.*|read_as/.*"
)


@dataclass(frozen=True)
class Number:
    """The values of one metric in the runs of one group, one per seed."""

    metric: str
    by_seed: Mapping[int, float]

    @property
    def values(self) -> list[float]:
        return list(self.by_seed.values())

    @property
    def spread(self) -> Spread:
        return Spread(self.values)

    def __str__(self) -> str:
        spread = self.spread
        if quantity_of(self.metric).unit != RATIO:
            return spread.formatted(self.metric)
        noise = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
        return f"{100 * spread.mean:.1f}{noise} %"


class Results:
    """All numbers of one build.

    Args:
        content: the content of `results.json`: `data`, `groups` (name -> metric -> values by seed), `tables`.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    @property
    def data(self) -> str:
        return str(self.content["data"])

    def number(self, group: str, metric: str) -> Number | None:
        """The values of a metric in a group; None if it was not measured.

        Args:
            group: a sweep and the values of its keys, for example `losses model=vae loss=bce`.
            metric: the name in `metrics.json`, for example `reconstruction/mse`.
        """
        by_seed = self.content["groups"].get(group, {}).get(metric)
        return Number(metric, {int(seed): value for seed, value in by_seed.items()}) if by_seed else None

    def groups(self, sweep: str) -> Iterator[str]:
        """The names of the groups of a sweep."""
        return (name for name in self.content["groups"] if name.split()[0] == sweep)


def lower(one: Number, other: Number | float) -> bool:
    """Whether a number is lower than another one, by more than the noise of the seeds."""
    return is_above([-each for each in differences(one, other)])


def close(one: Number, other: Number | float, most: float) -> bool:
    """Whether two numbers differ by less than ``most``, by more than the noise of the seeds."""
    found = differences(one, other)
    return is_above([each + most for each in found]) and is_above([most - each for each in found])


def differences(one: Number, other: Number | float) -> list[float]:
    """How much one number is above another in the runs with the same seed, or above a constant."""
    if not isinstance(other, Number):
        return [value - other for value in one.values]
    return [value - other.by_seed[seed] for seed, value in one.by_seed.items() if seed in other.by_seed]


def is_above(values: Sequence[float]) -> bool:
    """Whether the mean of values, one per seed, is above 0: a one-sided t-test."""
    n = len(values)
    if n < 2:
        return False
    mean = sum(values) / n
    error = math.sqrt(sum((each - mean) ** 2 for each in values) / (n - 1) / n)
    return mean > float(student.ppf(1 - CHANCE, n - 1)) * error


def jobs_of(sweep: Path) -> Iterator[tuple[Path, str, str]]:
    """The runs of a sweep: folder, group (for example `losses model=vae loss=bce`) and seed of each."""
    for job, values in yaml.safe_load((sweep / "sweep.yaml").read_text())["jobs"].items():
        swept = {key: Path(value).stem if "/" in value else value for key, value in values.items()}
        seed = swept.pop("seed", "0")
        yield sweep / job, " ".join([sweep.name, *(f"{key}={value}" for key, value in swept.items())]), seed


def collected(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """The numbers of all evaluated runs below a folder of sweeps: group -> metric -> seed -> value."""
    groups: dict[str, dict[str, dict[str, float]]] = {}
    jobs = [job for file in sorted(folder.glob("*/sweep.yaml")) for job in jobs_of(file.parent)]
    for job, name, seed in sorted(jobs):
        file = job / "evaluation/metrics.json"
        if not file.is_file():
            continue
        for part, result in read_json(file)["parts"].items():
            for metric, found in result.get("metrics", {}).items():
                if KEPT.fullmatch(f"{part}/{metric}") and found["value"] is not None:
                    value = float(f"{found['value']:.{DIGITS}g}")
                    groups.setdefault(name, {}).setdefault(f"{part}/{metric}", {})[seed] = value
    return groups


def stored(file: Path) -> Results:
    """The results of an earlier build."""
    return Results(json.loads(file.read_text()))
