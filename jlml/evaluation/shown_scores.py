"""The picture that users look at: the mean, or lambda where it stands for the loss; its names and scores."""

from collections.abc import Iterable, Mapping

from jlml.comparison.quantities import SAMPLED_FROM
from jlml.config import Config, locate


def picture_shown(config: Config) -> str:
    """The kind of picture that stands for the loss of a run: ``mean`` or ``lambda``."""
    return getattr(locate(str(config["loss"]["_target_"]), "loss"), "shown", "mean")


def has_other_picture(configs: Iterable[Config]) -> bool:
    """Whether a run is shown by another picture than the mean."""
    return any(picture_shown(config) != "mean" for config in configs)


def with_kind(name: str, kind: str) -> str:
    """The name of a set of images, with the kind of picture if it is not the mean."""
    return name if kind == "mean" else f"{name}_{kind}"


def is_shown(name: str, shown: str) -> bool:
    """Whether a set of images is real, or in the picture that stands for the loss."""
    return shown == "mean" or name.startswith("real") or name.endswith(f"_{shown}")


def shown_scores(metrics: Mapping[str, float], config: Config) -> dict[str, float]:
    """The scores of this picture: ``reconstruction_shown/...`` and ``generation/<sampler>_shown/...``.

    Args:
        metrics: all metrics of a run. ``reconstruction/mse`` and ``generation/prior/...`` score mean images,
            ``reconstruction/lambda/mse`` and ``generation/prior_lambda/...`` the same codes shown as lambda.
        config: config of the run.
    """
    kind = picture_shown(config)
    sources = {"reconstruction_shown/": "reconstruction/" if kind == "mean" else f"reconstruction/{kind}/"}
    for sampler in SAMPLED_FROM:
        sources[f"generation/{sampler}_shown/"] = f"generation/{with_kind(sampler, kind)}/"
    return {
        target + metric.removeprefix(source): value
        for target, source in sources.items()
        for metric, value in metrics.items()
        if metric.startswith(source) and "/" not in metric.removeprefix(source)
    }
