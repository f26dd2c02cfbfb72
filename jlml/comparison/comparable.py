"""Which numbers of which runs may be compared. Every table, ranking, sweep and search asks here.

The answer follows from the configs of the runs. All metrics need the same images. A likelihood also needs
the same density, because nats of different densities have no common zero. A loss also needs the same
objective. MSE, BCE and scores of codes or samples need nothing more: they are the common yardsticks.
"""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from jlml.config import Config, flat, shown

Facts = dict[str, Any]  # keys of a config with their values

IMAGES = ("_target_", "name", "pixels", "image_size", "fit", "subset")  # of the group data
# options with which a loss stays a density of the same pixels, so that its nats still compare
SAME_DENSITY = {"jlml.losses.Gaussian": ("scale", "link")}
OBJECTIVES = {
    **dict.fromkeys(("jlml.models.AE", "jlml.models.ConvAE"), "nll"),
    **dict.fromkeys(("jlml.models.VAE", "jlml.models.ConvVAE"), "nll + beta KL"),
}


def images_of(config: Config, count: int | None = None) -> Facts:
    """What decides which images a run is tested on, apart from the seed of the split.

    Args:
        config: of the run.
        count: the number of test images if it is known; ``data.subset`` tells it less exactly.
    """
    data = config["data"]
    facts = {f"data.{key}": data.get(key) for key in IMAGES if key != "fit" or data.get("image_size")}
    return facts if count is None else facts | {"data.subset": count}


def density_of(config: Config) -> Facts:
    """What decides the density p(x | z) of an image, apart from the images."""
    loss = config["loss"]
    harmless = ("_target_", *SAME_DENSITY.get(loss["_target_"], ()))
    options = {f"loss.{key}": value for key, value in flat(loss) if key not in harmless}
    return {"loss": loss["_target_"], **options}


def objective_of(config: Config) -> Facts:
    """What a model minimises, apart from the density."""
    model = config["model"]
    kind = OBJECTIVES.get(model["_target_"], model["_target_"])
    return {"model.beta": model.get("beta"), "model": kind}


# what a metric may need to be the same, and why it does not compare otherwise
NEEDS = {
    "images": (images_of, "they are tested on different images"),
    "density": (density_of, "they are likelihoods of different densities"),
    "objective": (objective_of, "it weighs its terms differently in each"),
}
OF_METRIC = {
    **dict.fromkeys(("nll", "elbo", "distortion", "importance_bound"), ("density",)),
    "loss": ("density", "objective"),
    "beta_kl": ("objective",),
}


def needs_of(metric: str) -> tuple[str, ...]:
    """What must be the same for a metric such as ``val/nll`` to compare."""
    return ("images", *OF_METRIC.get(metric.rpartition("/")[2], ()))


def is_common_metric(metric: str) -> bool:
    """Whether a metric compares between all runs that are tested on the same images."""
    return needs_of(metric) == ("images",)


class Obstacle(NamedTuple):
    """A key in which runs differ although a metric needs it to be the same."""

    key: str
    values: list[str]
    reason: str

    def __str__(self) -> str:
        return f"{self.key} ({', '.join(self.values)})"


def obstacle(metric: str, configs: Sequence[Config], one_split: bool = False) -> Obstacle | None:
    """The first key that keeps a metric of these runs from being compared; None if it compares.

    Args:
        metric: its name, such as ``val/nll``.
        configs: of the runs.
        one_split: whether the seed of the split must be the same too. Groups of runs average over it.
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
    """A text that is equal for two runs if all of these metrics compare between them."""
    facts = images_of(config, test_images)
    for need in {need for metric in metrics for need in needs_of(metric)} - {"images"}:
        facts |= NEEDS[need][0](config)
    return json.dumps(facts, sort_keys=True)
