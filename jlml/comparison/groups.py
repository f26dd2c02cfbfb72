"""Runs that differ in their seed alone belong together: what they measure, and what tells groups apart."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from jlml.config import Config, experiment_of, flat, shown
from jlml.evaluation.record import Evaluation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Group:
    """Runs of one experiment with different seeds, the lowest first."""

    label: str
    evaluations: Sequence[Evaluation]

    @property
    def first(self) -> Evaluation:
        return self.evaluations[0]

    def values(self, metric: str) -> dict[str, float]:
        """The metric, ``part/name``, by the folder of each run that has a finite one."""
        part, _, name = metric.partition("/")
        found = {
            str(evaluation.run.path): evaluation.parts.get(part, {}).get("metrics", {}).get(name)
            for evaluation in self.evaluations
        }
        return {run: each["value"] for run, each in found.items() if each and each["value"] is not None}


def grouped(evaluations: Sequence[Evaluation], configs: Sequence[Config]) -> list[Group]:
    """The groups, in the order in which their first run comes."""
    members: dict[str, list[tuple[Evaluation, Config]]] = {}
    seen: dict[str, str] = {}
    for evaluation, config in zip(evaluations, configs, strict=True):
        checkpoint, name = evaluation.content["checkpoint"]["sha256"], evaluation.run.path.name
        if checkpoint in seen:  # counted twice, it would make the seeds look alike
            log.warning("%s is left out: it is a copy of %s.", name, seen[checkpoint])
            continue
        seen[checkpoint] = name
        members.setdefault(json.dumps(experiment_of(config), sort_keys=True), []).append((evaluation, config))
    labels = labels_of([pairs[0][1] for pairs in members.values()])
    return [
        Group(label, [evaluation for evaluation, _ in sorted(pairs, key=lambda pair: pair[1]["seed"])])
        for label, pairs in zip(labels, members.values(), strict=True)
    ]


def labels_of(configs: Sequence[Config]) -> list[str]:
    """A name for each: model, loss, latent dim, whatever else tells it from others of that name, and the
    data where they are not the same for all."""
    names = [base_name(config) for config in configs]
    keys_of = [dict(flat(experiment_of(config))) for config in configs]
    labels = []
    for name, own in zip(names, keys_of, strict=True):
        namesakes = [other for other, same in zip(keys_of, names, strict=True) if same == name]
        telling = [
            key
            for key in own
            if any(
                other.get(key) != own[key] for other in (keys_of if key.startswith("data.") else namesakes)
            )
        ]
        labels.append(" ".join([name, *(f"{key}={shown(own[key])}" for key in telling)]))
    return labels


def base_name(config: Config) -> str:
    """Model, loss and latent dim."""
    return f"{config['choices']['model']} {config['choices']['loss']} d{config['latent']['dim']}"
