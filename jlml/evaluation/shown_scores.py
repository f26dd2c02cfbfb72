"""The picture that users look at: the mean, or lambda where it stands for the loss; its names and scores."""

from collections.abc import Mapping

from jlml.comparison.quantities import SAMPLED_FROM
from jlml.config import Config, locate


def picture_shown(config: Config) -> str:
    """The kind of picture that stands for the loss of a run: ``mean`` or ``lambda``."""
    return getattr(locate(str(config["loss"]["_target_"]), "loss"), "shown", "mean")


def with_kind(name: str, kind: str) -> str:
    """The name of a set of images, with the kind of picture if it is not the mean."""
    return name if kind == "mean" else f"{name}_{kind}"


def is_shown(name: str, shown: str) -> bool:
    """Whether a set of images is real, or in the picture that stands for the loss."""
    return shown == "mean" or name.startswith("real") or name.endswith(f"_{shown}")


def shown_scores(metrics: Mapping[str, float], config: Config) -> dict[str, float]:
    """The scores of each sampler for this picture, as ``generation/<sampler>_shown/...``.

    Args:
        metrics: all metrics of a run. ``generation/prior/...`` scores the mean images of samples from the
            prior, ``generation/prior_lambda/...`` the same samples shown as lambda.
        config: config of the run.
    """
    kind = picture_shown(config)
    scores = {}
    for sampler in SAMPLED_FROM:
        source = f"generation/{with_kind(sampler, kind)}/"
        for name, value in metrics.items():
            if name.startswith(source):
                scores[f"generation/{sampler}_shown/{name.removeprefix(source)}"] = value
    return scores
