"""The main numbers of an evaluation in sentences, each beside what it is to be compared with."""

from collections.abc import Iterator, Mapping
from typing import Any

from jlml.evaluation.part_tables import metric_in_words


def summary_of(content: Mapping[str, Any]) -> Iterator[str]:
    """The sentences at the top of a report, from the content of `metrics.json`."""

    def value(name: str) -> str:
        part, _, metric = name.partition("/")
        found = content["parts"].get(part, {}).get("metrics", {}).get(metric)
        return metric_in_words(found, metric, with_error=False)

    def beside(*pairs: tuple[str, str]) -> str:
        others = [f"{words} {value(name)}" for words, name in pairs if value(name)]
        return f" ({', '.join(others)})" if others else ""

    if value("reconstruction/mse"):
        others = beside(("PCA", "baselines/pca/mse"), ("mean image", "baselines/mean_image/mse"))
        yield f"Reconstructions have an MSE of {value('reconstruction/mse')} per pixel{others}."
    if value("codes/knn_5"):
        others = beside(("PCA", "baselines/pca/knn_5"))
        yield (
            f"Of the test codes, {value('codes/knn_5')} are classified correctly by their 5 nearest training "
            f"codes{others}."
        )
    if value("codes/trustworthiness"):
        others = beside(("PCA", "baselines/pca/trustworthiness"))
        yield f"Trustworthiness of neighbourhoods is {value('codes/trustworthiness')}{others}."
    if value("likelihood/elbo"):
        yield (
            f"The ELBO is {value('likelihood/elbo')} nats per image, from a rate of "
            f"{value('likelihood/rate')} and a distortion of {value('likelihood/distortion')}. "
            f"{content['observation_model']}."
        )
    if value("generation/prior/frechet_distance"):
        others = beside(
            ("from the mixture", "generation/mixture/frechet_distance"),
            ("real test images", "generation/real_test_images/frechet_distance"),
        )
        distance = value("generation/prior/frechet_distance")
        yield f"Samples from the prior have a Frechet distance of {distance}{others}."
