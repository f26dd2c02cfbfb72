"""The main results of an evaluation in sentences: what the model does well, and what it does badly."""

from collections.abc import Iterator, Mapping
from typing import Any

from jlml.comparison.quantities import SAMPLED_FROM, formatted, value_in_words
from jlml.evaluation.record import finite_metrics
from jlml.evaluation.samplers import SAMPLERS
from jlml.evaluation.shown_scores import with_kind

NEGLIGIBLE = 0.005  # relative difference that is called equal


def summary_of(content: Mapping[str, Any], shown: str = "mean") -> list[str]:
    """The sentences at the top of a report.

    Args:
        content: content of `metrics.json`.
        shown: kind of picture that stands for the loss: sentences on pictures are about it.
    """
    return [*Summary(content, shown).sentences()]


class Summary:
    """The numbers of an evaluation, and sentences on them."""

    def __init__(self, content: Mapping[str, Any], shown: str) -> None:
        self.content = content
        self.shown = shown
        self.metrics = finite_metrics(content["parts"])

    def sentences(self) -> Iterator[str]:
        yield from self.of_reconstructions()
        yield from self.of_codes()
        yield from self.of_likelihood()
        yield from self.of_samples()
        yield from self.of_steps()
        if self.shown in READINGS:
            yield READINGS[self.shown]

    def text(self, name: str) -> str:
        """A value with its digits; fractions in percent."""
        return value_in_words(self.metrics[name], name)

    def against(self, name: str, reference: str) -> str:
        """How a value relates to a reference, in words: ``31 % less than PCA (.05567)``."""
        value, other = self.metrics[name], self.metrics[reference]
        change, title = value / other - 1 if other else 0.0, REFERENCES[reference.split("/")[1]]
        if abs(change) < NEGLIGIBLE:
            return f"as much as {title}"
        way = "less" if change < 0 else "more"
        return f"{share(abs(change))} {way} than {title} ({self.text(reference)})"

    def of_reconstructions(self) -> Iterator[str]:
        kind = "" if self.shown == "mean" else f"{self.shown}/"
        name = f"reconstruction/{kind}mse"
        if name not in self.metrics:
            return
        known = [f"baselines/{base}/mse" for base in REFERENCES if f"baselines/{base}/mse" in self.metrics]
        others = " and ".join(self.against(name, reference) for reference in known)
        yield (
            f"Reconstructions have a mean squared error of {self.text(name)} per pixel"
            f"{f': {others}' if others else ''}."
        )
        errors = {
            metric.split("/")[-2]: value
            for metric, value in self.metrics.items()
            if metric.startswith(f"reconstruction/{kind}by_class/") and metric.endswith("/mse")
        }
        if len(errors) > 1:
            best, worst = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
            yield (
                f"The class with the best reconstructions is {best} ({formatted(errors[best], 'mse')}), the "
                f"one with the worst {worst} ({formatted(errors[worst], 'mse')})."
            )

    def of_codes(self) -> Iterator[str]:
        if "codes/knn_5" in self.metrics:
            pca = self.reference("baselines/pca/knn_5")
            yield (
                f"From the 5 nearest training codes, {self.text('codes/knn_5')} of the test images get the "
                f"right class{pca}."
            )
        if "codes/trustworthiness" in self.metrics:
            pca = self.reference("baselines/pca/trustworthiness")
            yield (
                "Neighbours in the code are neighbours among the images with a trustworthiness of "
                f"{formatted(self.metrics['codes/trustworthiness'], 'trustworthiness')}, where 1 is "
                f"perfect{pca}."
            )

    def reference(self, name: str, title: str = "PCA") -> str:
        return f" ({title}: {self.text(name)})" if name in self.metrics else ""

    def of_likelihood(self) -> Iterator[str]:
        if not {f"likelihood/{name}" for name in ("elbo", "rate", "distortion")} <= self.metrics.keys():
            return
        units = self.metrics.get("likelihood/active_units")
        dims = self.content["latent_dim"]
        used = "" if units is None else f" The code uses {units:.0f} of {dims} dimensions."
        is_density = self.metrics["likelihood/elbo"] > 0
        positive = ", which is positive because a density can exceed 1" if is_density else ""
        yield (
            f"A code carries {self.text('likelihood/rate')} nats about its image (rate). With a distortion "
            f"of {self.text('likelihood/distortion')} nats, log p(x) is at least "
            f"{self.text('likelihood/elbo')} nats per image{positive}.{used}"
        )

    def of_samples(self) -> Iterator[str]:
        own = own_sampler(self.content.get("sampled_from", ""))
        prefix = f"generation/{with_kind(own, self.shown)}/"
        if f"{prefix}frechet_distance" not in self.metrics:
            return
        real = self.reference("generation/real_test_images/frechet_distance", "real test images")
        precision, recall = (self.metrics.get(f"{prefix}{name}") for name in ("precision", "recall"))
        shares = "" if None in (precision, recall) else f" {share(precision)} of them look like real images "
        shares += (
            f"(precision), and they cover {share(recall)} of the real images (recall)." if shares else ""
        )
        yield (
            f"Samples from {SAMPLED_FROM[own]} have a Frechet distance of "
            f"{self.text(f'{prefix}frechet_distance')} to training images{real}.{shares}"
        )
        mixture = f"generation/{with_kind('mixture', self.shown)}/frechet_distance"
        if mixture in self.metrics:
            yield (
                f"Codes drawn from {SAMPLED_FROM['mixture']} instead give a Frechet distance of "
                f"{self.text(mixture)}."
            )

    def of_steps(self) -> Iterator[str]:
        if "steps/step_0.5/same_digit" in self.metrics:
            yield (
                "After a random step in the code, half as long as codes are typically far from their mean, "
                f"{self.text('steps/step_0.5/same_digit')} of the pictures still show the same digit."
            )


READINGS = {
    "lambda": "Pictures and scores here are of lambda, the parameter of the continuous Bernoulli that the "
    "decoder puts out. Its mean is greyer, because lambda .01 has mean .207. The tables have both."
}
REFERENCES = {"pca": "PCA", "mean_image": "the mean image"}


def share(value: float | None) -> str:
    """A fraction in percent."""
    return "" if value is None else f"{100 * value:.0f} %"


def own_sampler(sampled_from: str) -> str:
    """The sampler that belongs to a model: the prior of a VAE, but a Gaussian fitted to the codes of an AE.

    An AE's codes are not trained to match N(0, I), so its samples from there say nothing about it.
    """
    return next((name for name, title in SAMPLERS.items() if title in sampled_from), "gaussian")
