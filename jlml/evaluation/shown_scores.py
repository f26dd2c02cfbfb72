"""The scores of generated images in the picture that users look at: lambda, where it stands for the loss."""

from collections.abc import Mapping

from jlml.comparison.quantities import SAMPLED_FROM
from jlml.config import Config, locate


def picture_shown(config: Config) -> str:
    """The kind of picture that stands for the loss of a run: ``mean`` or ``lambda``."""
    return getattr(locate(str(config["loss"]["_target_"]), "loss"), "shown", "mean")


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
        source = f"generation/{sampler}/" if kind == "mean" else f"generation/{sampler}_{kind}/"
        for name, value in metrics.items():
            if name.startswith(source):
                scores[f"generation/{sampler}_shown/{name.removeprefix(source)}"] = value
    return scores
