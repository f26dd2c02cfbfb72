"""Groups of runs that differ only in their seed, and distinct labels for the groups."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Generic, Protocol, TypeVar, runtime_checkable

from jlml.comparison.spread import Spread
from jlml.config import Config, experiment_of, flat, part_names, shown

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


@runtime_checkable
class Measured(Protocol):
    """A run with metrics."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Every finite metric of the run, by name."""


RunT = TypeVar("RunT", bound=Measured)


@dataclass(frozen=True)
class Group(Generic[RunT]):
    """Runs of one experiment with different seeds.

    Args:
        levels: level of each factor by which this group differs from others.
        seeds: seed of each run. Without them, no run is paired with a run of another group.
    """

    label: str
    runs: Sequence[RunT]
    levels: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[Hashable] = ()

    @property
    def first(self) -> RunT:
        return self.runs[0]

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics of the runs."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def values(self, metric: str) -> list[float]:
        """The metric of each run that has it."""
        return [run.metrics[metric] for run in self.runs if metric in run.metrics]

    def by_seed(self, metric: str) -> dict[Hashable, float]:
        """The metric by seed, averaged over runs with the same seed."""
        seeds = self.seeds or [(self.label, place) for place in range(len(self.runs))]
        members = grouped(
            [pair for pair in zip(seeds, self.runs, strict=True) if metric in pair[1].metrics],
            lambda pair: pair[0],
        )
        return {seed: fmean(run.metrics[metric] for _, run in some) for seed, some in members.items()}

    def spread(self, metric: str) -> Spread | None:
        """The spread of a metric over the runs; None if no run has it."""
        values = self.values(metric)
        return Spread(values, len(self.runs)) if values else None


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Groups items by a key, in the order of their first occurrence."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def labels_of(configs: Sequence[Config]) -> list[str]:
    """A distinct label for each experiment: its name, or model, loss and latent dim; then keys that differ.

    A name that all of them share, as in a sweep, is left out. Experiments with the same name, or model, loss
    and latent dim, list every key in which they differ. All experiments list the data keys in which any two
    of them differ.
    """
    given = [config.get("name") for config in configs]
    is_shared = len(configs) > 1 and len(set(given)) == 1
    names = [
        base_name(config) if is_shared or not name else name
        for config, name in zip(configs, given, strict=True)
    ]
    keys_of = [dict(flat(experiment_of(config))) for config in configs]
    labels = []
    for name, own in zip(names, keys_of, strict=True):
        namesakes = [other for other, same in zip(keys_of, names, strict=True) if same == name]
        differing = [
            key
            for key in own
            if any(
                other.get(key) != own[key] for other in (keys_of if key.startswith("data.") else namesakes)
            )
        ]
        labels.append(" ".join([name, *(f"{key}={shown(own[key])}" for key in differing)]))
    return labels


def base_name(config: Config) -> str:
    """Model, loss and latent dim: ``vae bce d2``."""
    parts = part_names(config)
    return f"{parts['model']} {parts['loss']} d{config['latent']['dim']}"
