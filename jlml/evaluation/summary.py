"""The main results of an evaluation in sentences, each with numbers to compare with."""

from collections.abc import Iterator, Mapping
from typing import Any

from jlml.evaluation.part_tables import metric_in_words
from jlml.evaluation.samplers import SAMPLERS


def summary_of(content: Mapping[str, Any]) -> Iterator[str]:
    """The sentences at the top of a report, from the content of `metrics.json`."""

    def value(name: str) -> str:
        part, _, metric = name.partition("/")
        found = content["parts"].get(part, {}).get("metrics", {}).get(metric)
        return metric_in_words(found, metric, with_error=False)

    def compared(*pairs: tuple[str, str]) -> str:
        others = [f"{title} {value(name)}" for title, name in pairs if value(name)]
        return f" ({', '.join(others)})" if others else ""

    if value("reconstruction/mse"):
        others = compared(("PCA", "baselines/pca/mse"), ("mean image", "baselines/mean_image/mse"))
        yield f"Reconstructions have an MSE of {value('reconstruction/mse')} per pixel{others}."
    if value("codes/knn_5"):
        others = compared(("PCA", "baselines/pca/knn_5"))
        yield (
            f"The 5 nearest training codes classify a fraction of {value('codes/knn_5')} of the test codes "
            f"correctly{others}."
        )
    if value("codes/trustworthiness"):
        others = compared(("PCA", "baselines/pca/trustworthiness"))
        yield f"Trustworthiness of neighbourhoods is {value('codes/trustworthiness')}{others}."
    if value("likelihood/elbo"):
        yield (
            f"The ELBO is {value('likelihood/elbo')} nats per image, from a rate of "
            f"{value('likelihood/rate')} and a distortion of {value('likelihood/distortion')}. "
            f"{content['observation_model']}."
        )
    own = own_sampler(content.get("sampled_from", ""))
    if value(f"generation/{own}/frechet_distance"):
        others = compared(
            ("from the mixture", "generation/mixture/frechet_distance"),
            ("real test images", "generation/real_test_images/frechet_distance"),
        )
        distance = value(f"generation/{own}/frechet_distance")
        yield f"Samples from the {SAMPLERS[own]} have a Frechet distance of {distance}{others}."


def own_sampler(sampled_from: str) -> str:
    """The sampler that belongs to a model: the prior of a VAE, but a Gaussian fitted to the codes of an AE.

    An AE's codes are not trained to match N(0, I), so its samples from there say nothing about it.
    """
    return next((name for name, title in SAMPLERS.items() if title in sampled_from), "gaussian")
