"""What an evaluation takes longest for, jlml's way against the best other way on a CPU, in turns.

A ratio is jlml's time over that of the fastest other way in the same repeat: below 1, jlml is faster.
Networks are untrained, as their arithmetic is the same. Codes for neighbours are principal components of
MNIST. openTSNE takes part where it is installed.
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
from jlml.data import MNISTDataModule
from jlml.data.batches import to_float
from jlml.evaluation.parts.likelihood import bounds_of
from jlml.evaluation.parts.tsne import PERPLEXITY, embedded
from jlml.evaluation.subject import Settings, Subject
from jlml.metrics.neighbours import knn_correct, trustworthiness_and_continuity
from jlml.metrics.pca import principal_components
from jlml.runs import build_model

TARGET = "<= 1.5"
HOPELESS = 3.0  # times as slow as the fastest other way: not measured again
COUNTS = (1, 5, 15)
NEIGHBOURS = 12
DRAWS = 10
MAPPED = 2000  # images on a t-SNE map


@dataclass(frozen=True)
class Contest:
    """One thing done in several ways."""

    name: str
    ours: Callable[[], object]
    others: dict[str, Callable[[], object]]
    quality: Callable[[object], str] = lambda result: ""

    def row(self, repeats: int) -> Row:
        """Ratios of our time to the fastest other."""
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
    """Seconds, and what came of them."""
    started = perf_counter()
    result = function()
    return perf_counter() - started, result


class Stand(Subject):
    """A subject without a run: an untrained VAE 784-500-500-20 and all of MNIST."""

    def __init__(self) -> None:
        config = plain(jlml.compose("model=vae", "loss=bce", "latent.dim=20"))
        self.settings = Settings(importance_samples=DRAWS)
        self.device = torch.device("cpu")
        self.data = MNISTDataModule(root=config["data"]["root"], fallback=True)
        self.data.setup()
        torch.manual_seed(0)
        self.model = build_model(config, self.data.image_shape).eval()
        self.advance = lambda done, of: None
        self.known = torch.cat([self.data.train_images, self.data.validation_images])
        self.known_labels = torch.cat([self.data.train_labels, self.data.validation_labels])

    @cache  # noqa: B019  there is one stand
    def components(self, count: int) -> tuple[Tensor, Tensor]:
        """So many principal components of known images and of test images."""
        pca = principal_components(to_float(self.known), self.test_images, count)
        return pca.train_codes, pca.test_codes


def encoding(repeats: int) -> Iterator[Row]:
    """Codes of all images, stored as bytes."""
    stand = subject()
    images = torch.cat([stand.known, stand.data.test_images])

    def bare(size: int) -> Callable[[], Tensor]:
        def encode() -> Tensor:
            with torch.no_grad():
                codes = [stand.model.encoder(some.float().div_(255)) for some in images.split(size)]
            return torch.cat(codes)[:, :20]

        return encode

    others = {f"bare loop, batches of {size}": bare(size) for size in (250, 500, 1000, 2000)}
    contest = Contest(f"encoding {len(images):,} images", lambda: stand.encode(images), others)
    yield contest.row(repeats)


def knn(repeats: int) -> Iterator[Row]:
    """Accuracy of 1, 5 and 15 neighbours; the others find 15 only."""
    stand = subject()
    labels, truth = stand.known_labels, stand.test_labels
    for dims in (2, 20):
        codes, queries = stand.components(dims)

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
    """Trustworthiness and continuity of two principal components; scikit-learn finds one of both."""
    stand = subject()
    pixels, codes = stand.test_images.flatten(1), stand.components(2)[1]
    ways = {
        "sorting in float32": lambda: (ranks_by_sorting(pixels, codes), ranks_by_sorting(codes, pixels)),
        "scikit-learn, trustworthiness only": lambda: trustworthiness(
            pixels.numpy(), codes.numpy(), n_neighbors=NEIGHBOURS
        ),
    }
    name = f"trustworthiness and continuity of {len(codes):,} points"
    yield Contest(name, lambda: trustworthiness_and_continuity(pixels, codes, NEIGHBOURS), ways).row(repeats)


def ranks_by_sorting(points: Tensor, codes: Tensor, size: int = 500) -> Tensor:
    """Plain: in the sorted distances among points, where the nearest codes stand."""
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
    stand = subject()
    model, images = stand.model, stand.test_images
    mean, log_variance = stand.in_batches(model.posterior, images)

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
    contest = Contest(name, lambda: bounds_of(stand, model, mean, log_variance), others)
    yield contest.row(repeats)


def tsne(repeats: int) -> Iterator[Row]:
    """Maps of codes of 20 dims; the note has each map's leave-one-out 5-NN accuracy."""
    stand = subject()
    some = torch.randperm(len(stand.test_labels), generator=torch.Generator().manual_seed(0))[:MAPPED]
    codes, labels = stand.components(20)[1][some], stand.test_labels[some]

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
    yield Contest(name, lambda: embedded(stand, codes), others, accuracy).row(repeats)


@cache
def subject() -> Stand:
    """Made once, when it is first needed."""
    return Stand()


GROUPS = {"encoding": encoding, "knn": knn, "trust": trust, "importance": importance, "tsne": tsne}
