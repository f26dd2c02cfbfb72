"""Measures the slowest steps of an evaluation against the fastest alternatives on a CPU, in alternation.

A ratio is jlml's time over that of the fastest alternative in the same repeat: below 1, jlml is faster.
Networks are untrained, because that does not change the amount of work. Codes for neighbours are principal
components of MNIST. openTSNE is included if it is installed.
"""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from rows import Row
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

import jlml
from jlml.config import plain
from jlml.config.schema import Evaluate
from jlml.data import MNISTDataModule
from jlml.data.batches import to_float
from jlml.evaluation.parts.likelihood import bounds_of
from jlml.evaluation.parts.tsne import PERPLEXITY, embedded
from jlml.evaluation.subject import Subject
from jlml.metrics.neighbours import knn_correct, trustworthiness_and_continuity
from jlml.metrics.pca import principal_components
from jlml.runs import build_model

TARGET = "<= 1.5"
HOPELESS = 3.0  # an alternative this many times slower than the fastest is not measured again
COUNTS = (1, 5, 15)
NEIGHBOURS = 12
DRAWS = 10
MAPPED = 2000  # images for t-SNE


@dataclass(frozen=True)
class Contest:
    """One computation, done by jlml and by alternatives."""

    name: str
    ours: Callable[[], object]
    others: dict[str, Callable[[], object]]
    quality: Callable[[object], str] = lambda result: ""

    def row(self, repeats: int) -> Row:
        """Ratios of jlml's time to that of the fastest alternative."""
        ours, ratios, others = [], [], dict(self.others)
        seconds: dict[str, list[float]] = {name: [] for name in others}
        notes = {}
        for _ in range(repeats):
            duration, result = timed(self.ours)
            ours.append(duration)
            notes["jlml"] = self.quality(result)
            for name, way in others.items():
                duration, result = timed(way)
                seconds[name].append(duration)
                notes[name] = self.quality(result)
            fastest = min(seconds[name][-1] for name in others)
            ratios.append(ours[-1] / fastest)
            others = {name: way for name, way in others.items() if seconds[name][-1] < HOPELESS * fastest}
        all_seconds = {"jlml": ours, **seconds}
        note = ", ".join(
            f"{name} {statistics.median(times):.2f} s{notes[name]}" for name, times in all_seconds.items()
        )
        return Row(self.name, ratios, target=TARGET, note=note)


def timed(function: Callable[[], object]) -> tuple[float, object]:
    """The duration of a call in seconds, and its result."""
    started = perf_counter()
    result = function()
    return perf_counter() - started, result


class UntrainedSubject(Subject):
    """A subject without a run: an untrained VAE 784-500-500-20 and all of MNIST."""

    def __init__(self) -> None:
        config = plain(jlml.compose("model=vae", "loss=bce", "latent.dim=20"))
        self.settings = Evaluate(importance_samples=DRAWS)
        self.device = torch.device("cpu")
        self.data = MNISTDataModule(root=config["data"]["root"], fallback=True)
        self.data.setup()
        torch.manual_seed(0)
        self.model = build_model(config, self.data.image_shape).eval()
        self.advance = lambda done, of: None
        self.known = torch.cat([self.data.train_images, self.data.validation_images])
        self.known_labels = torch.cat([self.data.train_labels, self.data.validation_labels])

    @cache  # noqa: B019  there is only one instance
    def components(self, count: int) -> tuple[Tensor, Tensor]:
        """The first ``count`` principal components of training and validation images, and of test images."""
        pca = principal_components(to_float(self.known), self.test_images, count)
        return pca.train_codes, pca.test_codes


def encoding(repeats: int) -> Iterator[Row]:
    """Encoding of all images, which are stored as bytes."""
    untrained = subject()
    images = torch.cat([untrained.known, untrained.data.test_images])

    def bare(size: int) -> Callable[[], Tensor]:
        def encode() -> Tensor:
            with torch.no_grad():
                codes = [untrained.model.encoder(some.float().div_(255)) for some in images.split(size)]
            return torch.cat(codes)[:, :20]

        return encode

    others = {f"bare loop, batches of {size}": bare(size) for size in (250, 500, 1000, 2000)}
    contest = Contest(f"encoding {len(images):,} images", lambda: untrained.encode(images), others)
    yield contest.row(repeats)


def knn(repeats: int) -> Iterator[Row]:
    """Accuracy of 1, 5 and 15 neighbours; the alternatives only compute that of 15."""
    untrained = subject()
    labels, truth = untrained.known_labels, untrained.data.test_labels
    for dims in (2, 20):
        codes, queries = untrained.components(dims)

        def by_sklearn(codes: Tensor = codes, queries: Tensor = queries) -> object:
            classifier = KNeighborsClassifier(15).fit(codes.numpy(), labels.numpy())
            return classifier.score(queries.numpy(), truth.numpy())

        def by_torch(codes: Tensor = codes, queries: Tensor = queries) -> object:
            nearest = [torch.cdist(q, codes).topk(15, largest=False).indices for q in queries.split(500)]
            return (labels[torch.cat(nearest)].mode().values == truth).float().mean()

        def ours(codes: Tensor = codes, queries: Tensor = queries) -> object:
            return knn_correct(codes, labels, queries, truth, COUNTS)

        name = f"kNN, {len(codes):,} codes of {dims} dims, {len(queries):,} queries"
        yield Contest(name, ours, {"scikit-learn": by_sklearn, "torch": by_torch}).row(repeats)


def trust(repeats: int) -> Iterator[Row]:
    """Trustworthiness and continuity of two principal components; scikit-learn only computes the former."""
    untrained = subject()
    pixels, codes = untrained.test_images.flatten(1), untrained.components(2)[1]
    ways = {
        "sorting in float32": lambda: (ranks_by_sorting(pixels, codes), ranks_by_sorting(codes, pixels)),
        "scikit-learn, trustworthiness only": lambda: trustworthiness(
            pixels.numpy(), codes.numpy(), n_neighbors=NEIGHBOURS
        ),
    }
    name = f"trustworthiness and continuity of {len(codes):,} points"
    yield Contest(name, lambda: trustworthiness_and_continuity(pixels, codes, NEIGHBOURS), ways).row(repeats)


def ranks_by_sorting(points: Tensor, codes: Tensor, size: int = 500) -> Tensor:
    """A plain implementation: ranks of the nearest codes among the sorted distances between points."""
    found = []
    for start in range(0, len(points), size):
        here = torch.arange(start, min(start + size, len(points)))
        rows = torch.arange(len(here))
        among = []
        for each in (points, codes):
            squared = torch.addmm(each.square().sum(1), each[here], each.T, alpha=-2)
            squared[rows, here] = torch.inf
            among.append(squared)
        nearest = among[1].topk(NEIGHBOURS, largest=False).indices
        ordered = torch.from_numpy(np.sort(among[0].numpy(), axis=1))
        ranks = torch.searchsorted(ordered, among[0].gather(1, nearest)) + 1
        found.append((ranks - NEIGHBOURS).clamp_min(0).sum(1))
    return torch.cat(found)


def importance(repeats: int) -> Iterator[Row]:
    """Importance-weighted bounds of the test images."""
    untrained = subject()
    model, images = untrained.model, untrained.test_images
    mean, log_variance = untrained.in_batches(model.posterior, images)

    def plain_loop(size: int) -> Callable[[], Tensor]:
        def bound() -> Tensor:
            done = []
            with torch.no_grad():
                for x, mu, logvar in zip(
                    images.split(size), mean.split(size), log_variance.split(size), strict=True
                ):
                    weights = []
                    for _ in range(DRAWS):
                        noise = torch.randn_like(mu)
                        z = mu + torch.exp(logvar / 2) * noise
                        logits = model.decoder(z)
                        nll = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
                        weights.append((noise.square() - z.square() + logvar).sum(1) / 2 - nll)
                    done.append(torch.stack(weights).logsumexp(0))
            return torch.cat(done)

        return bound

    others = {f"plain loop, {size} images at once": plain_loop(size) for size in (100, 200, 500, 1000)}
    name = f"importance sampling, {DRAWS} draws of {len(images):,} images"
    contest = Contest(name, lambda: bounds_of(untrained, model, mean, log_variance), others)
    yield contest.row(repeats)


def tsne(repeats: int) -> Iterator[Row]:
    """t-SNE of codes of 20 dims; the note has each map's leave-one-out 5-NN accuracy."""
    untrained = subject()
    test_labels = untrained.data.test_labels
    some = torch.randperm(len(test_labels), generator=torch.Generator().manual_seed(0))[:MAPPED]
    codes, labels = untrained.components(20)[1][some], test_labels[some]

    def accuracy(points: object) -> str:
        right = knn_correct(torch.as_tensor(np.asarray(points)).float(), labels, None, None, [5])[5]
        return f" (5-NN {right.float().mean():.3f})"

    others: dict[str, Callable[[], object]] = {
        "scikit-learn": lambda: TSNE(perplexity=PERPLEXITY, random_state=0, n_jobs=-1).fit_transform(codes)
    }
    if find_spec("openTSNE"):
        from openTSNE import TSNE as OpenTSNE  # noqa: N811

        others["openTSNE"] = lambda: OpenTSNE(
            perplexity=PERPLEXITY, negative_gradient_method="fft", random_state=0, n_jobs=-1
        ).fit(codes.numpy())
    name = f"t-SNE of {len(codes):,} codes of 20 dims"
    yield Contest(name, lambda: embedded(untrained, codes), others, accuracy).row(repeats)


@cache
def subject() -> UntrainedSubject:
    """The subject, created on first use."""
    return UntrainedSubject()


GROUPS = {"encoding": encoding, "knn": knn, "trust": trust, "importance": importance, "tsne": tsne}
