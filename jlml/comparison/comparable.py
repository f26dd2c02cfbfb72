"""Decides from the configs of runs which metrics can be compared, for all tables, rankings and searches.

All metrics need the same images. A likelihood also needs the same density, because nats of different
densities have no common zero. A loss also needs the same objective. MSE, BCE and scores of codes or samples
need only the same images: they are the common metrics.
"""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from jlml.config import Config, flat, shown

Facts = dict[str, Any]  # keys of a config with their values

IMAGES = ("_target_", "name", "pixels", "image_size", "fit", "test_size", "subset")  # keys of the group data
# options that do not change the kind of density, so that its nats still compare
SAME_DENSITY = {"jlml.losses.Gaussian": ("scale", "link")}
OBJECTIVES = {
    **dict.fromkeys(("jlml.models.AE", "jlml.models.ConvAE"), "nll"),
    **dict.fromkeys(("jlml.models.VAE", "jlml.models.ConvVAE"), "nll + beta KL"),
}


def images_of(config: Config, count: int | None = None) -> Facts:
    """The keys that determine the test images of a run, except the seed of the split.

    Args:
        config: config of the run.
        count: number of test images, if known; it is more precise than ``data.subset``.
    """
    data = config["data"]
    facts = {f"data.{key}": data.get(key) for key in IMAGES if key != "fit" or data.get("image_size")}
    facts["data"] = config.get("data_fingerprint")
    return facts if count is None else facts | {"data.subset": count}


def density_of(config: Config) -> Facts:
    """The keys that determine the kind of density p(x | z), without the images."""
    loss = config["loss"]
    ignored = ("_target_", *SAME_DENSITY.get(loss["_target_"], ()))
    options = {f"loss.{key}": value for key, value in flat(loss) if key not in ignored}
    return {"loss": loss["_target_"], **options}


def objective_of(config: Config) -> Facts:
    """The keys that determine a model's objective, without the density."""
    model = config["model"]
    kind = OBJECTIVES.get(model["_target_"], model["_target_"])
    return {"model.beta": model.get("beta"), "model": kind}


# name of a requirement -> the keys that must be equal, and why a metric does not compare otherwise
NEEDS = {
    "images": (images_of, "they are tested on different images"),
    "density": (density_of, "they are likelihoods of different densities"),
    "objective": (objective_of, "it weighs its terms differently in each"),
}
READ_AS = "read_as/"
OF_METRIC = {
    **dict.fromkeys(("nll", "elbo", "distortion", "importance_bound"), ("density",)),
    "loss": ("density", "objective"),
    "beta_kl": ("objective",),
}


def needs_of(metric: str) -> tuple[str, ...]:
    """The requirements of a metric, for example ``val/nll``.

    Scores of a decoder that is read as another observation model need only the same images: their names say
    which density they are of.
    """
    if metric.startswith(READ_AS):
        return ("images",)
    return ("images", *OF_METRIC.get(metric.rpartition("/")[2], ()))


def is_common_metric(metric: str) -> bool:
    """Whether a metric can be compared between all runs with the same test images."""
    return needs_of(metric) == ("images",)


class Obstacle(NamedTuple):
    """A key in which runs differ, so that a metric cannot be compared."""

    key: str
    values: list[str]
    reason: str

    def __str__(self) -> str:
        return f"{self.key} ({', '.join(self.values)})"


def obstacle(metric: str, configs: Sequence[Config], one_split: bool = False) -> Obstacle | None:
    """The first key that prevents comparing a metric between these runs; None if it can be compared.

    Args:
        metric: name of the metric, for example ``val/nll``.
        configs: configs of the runs.
        one_split: whether the seed of the split must also be equal. Groups of runs average over it.
    """
    for need in needs_of(metric):
        facts_of, reason = NEEDS[need]
        seeds = [{"data.seed": config["data"].get("seed")} if one_split else {} for config in configs]
        facts = [seed | facts_of(config) for seed, config in zip(seeds, configs, strict=True)]
        for key in dict.fromkeys(chain(*facts)):
            values = list(dict.fromkeys(shown(some.get(key)) for some in facts))
            if len(values) > 1:
                return Obstacle(key, values, reason)
    return None


def comparable_key(metrics: Sequence[str], config: Config, test_images: int) -> str:
    """A text that is equal for two runs if all of these metrics can be compared between them."""
    facts = images_of(config, test_images)
    for need in {need for metric in metrics for need in needs_of(metric)} - {"images"}:
        facts |= NEEDS[need][0](config)
    return json.dumps(facts, sort_keys=True)
