"""Which numbers of which runs may be compared. Every table, ranking, sweep and search asks here.

The answer follows from the configs of the runs. All metrics need the same images. A likelihood also needs
the same density, because nats of different densities have no common zero. A loss also needs the same
objective. MSE, BCE and scores of codes or samples need nothing more: they are the common yardsticks.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jlml.config import Config, flat, shown

Facts = dict[str, Any]  # dotted keys of a config with their values

IMAGES = ("_target_", "name", "pixels", "image_size", "fit", "subset")  # of the group data
# options with which a loss stays a density of the same pixels, so that its nats still compare
SAME_DENSITY = {"jlml.losses.Gaussian": ("scale", "link")}
VAE, AE = "nll + beta KL", "nll"
OBJECTIVES = {
    **{"jlml.models.AE": AE, "jlml.models.ConvAE": AE},
    **{"jlml.models.VAE": VAE, "jlml.models.ConvVAE": VAE},
}


@dataclass(frozen=True)
class Obstacle:
    """A key in which runs differ although a metric needs it to be the same."""

    key: str
    values: Sequence[str]
    reason: str

    def __str__(self) -> str:
        return f"{self.key} ({', '.join(self.values)})"


def images_of(config: Config, count: int | None = None) -> Facts:
    """What decides which images a run is tested on, apart from the seed of the split.

    Args:
        config: of the run.
        count: the number of test images, if it is known; ``data.subset`` tells it less exactly.
    """
    data = config["data"]
    facts = {f"data.{key}": data.get(key) for key in IMAGES}
    if not data.get("image_size"):
        del facts["data.fit"]
    if count is not None:
        facts["data.subset"] = count
    return facts


def density_of(config: Config) -> Facts:
    """What decides the density p(x | z) of an image, apart from the images."""
    loss = config["loss"]
    harmless = SAME_DENSITY.get(loss["_target_"], ())
    options = {f"loss.{key}": value for key, value in flat(loss) if key not in ("_target_", *harmless)}
    return {"loss": loss["_target_"], **options}


def objective_of(config: Config) -> Facts:
    """What a model minimises, apart from the density."""
    model = config["model"]
    return {
        "model.beta": model.get("beta"),
        "model": OBJECTIVES.get(model["_target_"], model["_target_"]),
    }


# what a metric may need to be the same, and why
NEEDS: dict[str, tuple[Callable[[Config], Facts], str]] = {
    "images": (images_of, "they are tested on different images"),
    "density": (density_of, "they are likelihoods of different densities"),
    "objective": (objective_of, "it weighs its terms differently in each"),
}
OF_METRIC = {
    "loss": ("density", "objective"),
    "beta_kl": ("objective",),
    **dict.fromkeys(("nll", "elbo", "distortion", "importance_bound"), ("density",)),
}


def needs_of(metric: str) -> tuple[str, ...]:
    """What must be the same for a metric such as ``val/nll`` to compare."""
    return ("images", *OF_METRIC.get(metric.rpartition("/")[2], ()))


def is_yardstick(metric: str) -> bool:
    """Whether a metric compares between all runs that are tested on the same images."""
    return needs_of(metric) == ("images",)


def needs_density(metrics: Sequence[str]) -> bool:
    """Whether one of these metrics is in nats of the density."""
    return any("density" in needs_of(metric) for metric in metrics)


def obstacle(metric: str, configs: Sequence[Config], one_split: bool = False) -> Obstacle | None:
    """The first key that keeps a metric of these runs from being compared; None if it compares.

    Args:
        metric: its name, such as ``val/nll``.
        configs: of the runs.
        one_split: whether the seed of the split must be the same too. Groups of runs average over it.
    """
    if one_split:
        seeds = obstacle_in([{"data.seed": config["data"].get("seed")} for config in configs], "images")
        if seeds is not None:
            return seeds
    found = (obstacle_in([NEEDS[need][0](c) for c in configs], need) for need in needs_of(metric))
    return next((each for each in found if each is not None), None)


def obstacle_in(facts: Sequence[Facts], need: str) -> Obstacle | None:
    """The first key in which these facts differ."""
    for key in dict.fromkeys(key for some in facts for key in some):
        values = list(dict.fromkeys(shown(some.get(key)) for some in facts))
        if len(values) > 1:
            return Obstacle(key, values, NEEDS[need][1])
    return None


def comparable_key(metrics: Sequence[str], config: Config, test_images: int) -> str:
    """A text that is equal for two runs if all of these metrics compare between them.

    Args:
        metrics: their names.
        config: of the run.
        test_images: their number.
    """
    facts = images_of(config, test_images)
    for need in dict.fromkeys(need for metric in metrics for need in needs_of(metric) if need != "images"):
        facts |= NEEDS[need][0](config)
    return json.dumps(facts, sort_keys=True)
