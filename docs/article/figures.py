"""The static figures of the article: pictures from the runs with seed 0, and charts of the numbers.

Each function of `PICTURES` draws from the runs, each of `CHARTS` from the numbers alone.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from results import Results, jobs_of
from torch import Tensor

from jlml.config.schema import Evaluate
from jlml.data.batches import to_float
from jlml.evaluation.feature_scores import seen_by_classifier
from jlml.evaluation.history import kept_codes, step_in
from jlml.evaluation.loss_shapes import shapes_of_losses
from jlml.evaluation.parts.steps import LENGTHS, digits_in, random_steps
from jlml.evaluation.parts.tsne import embedded
from jlml.evaluation.samplers import draw_codes, median_codes
from jlml.evaluation.subject import Subject
from jlml.losses import ContinuousBernoulli
from jlml.losses.continuous_bernoulli import logits_of_mean
from jlml.metrics.neighbours import nearest
from jlml.metrics.pca import principal_axes
from jlml.pictures.decoded import first_of_each_class, line
from jlml.pictures.figures import (
    COLUMNS,
    Picture,
    Plane,
    mosaic,
    plane_of,
    points_by_kind,
    scatters,
    shaded_table,
)
from jlml.pictures.figures.canvas import rendered
from jlml.pictures.figures.style import DPI, WIDTH, styled
from jlml.pictures.plane import region_of
from jlml.runs import Run

SCATTERED = 4000  # test images in a scatter
MAPPED = 2000  # test images in a t-SNE map
PERPLEXITIES = (5, 30, 100)
HOLES = 56  # codes along each axis of a map of holes
NEAR = 100  # training images around a code
LIMITS = ((-4.0, 4.0), (-4.0, 4.0))  # of codes that have a prior
MOMENTS = 6  # of training, side by side
DIMS = (1, 2, 4, 8, 16, 32, 64)  # of codes, in section 8


class Runs:
    """The runs of the article with one seed, ready to encode and decode.

    Args:
        folder: folder of the sweeps.
        seed: seed of the runs.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.seed = seed
        self.subject = cache(self._subject)

    def _subject(self, group: str) -> Subject:
        """A run of a group, for example `losses model=vae loss=bce`."""
        jobs = jobs_of(self.folder / group.split()[0])
        (found,) = (job for job, name, seed in jobs if (name, seed) == (group, str(self.seed)))
        return Subject(Run.open(found), "best", Evaluate(samples=2000))


OF_MAPS = "dims model=ae_wide latent.dim=16"
AE, VAE = "losses model=ae_wide loss=bce", "losses model=vae loss=bce"
OF_LOSS = {
    "MSE": "losses model=vae loss=mse",
    "Bernoulli": "losses model=vae loss=bce",
    "cont. Bernoulli": "losses model=vae loss=cont_bern",
}

MODELS = {
    "ae_linear": "linear",
    "ae_shallow": "models model=ae_shallow",
    "ae": "models model=ae",
    "ae_wide": AE,
    "ae_deep": "models model=ae_deep",
    "conv_ae": "conv latent=d2",
    "vae": VAE,
    "conv_vae": "models model=conv_vae",
}


def kept_of_digits(runs: Runs) -> Picture:
    """The same digits through PCA, the linear autoencoder, a deep one and a VAE, with two dimensions."""
    vae = runs.subject(VAE)
    chosen = first_of_each_class(vae.data.test_labels, 1)
    rows = [("original", vae.test_images[chosen]), ("PCA", vae.pca.reconstructions[chosen])]
    rows += reconstructed(runs, {"linear AE": "linear", "AE": AE, "VAE": VAE}, chosen)
    return mosaic(rows, "Ten digits after two numbers")


def reconstructed(runs: Runs, groups: Mapping[str, str], chosen: Tensor) -> list[tuple[str, Tensor]]:
    """A row of reconstructions of some test images per group, with its name."""
    subjects = {name: runs.subject(group) for name, group in groups.items()}
    return [(name, subject.shown(subject.test_codes[chosen])) for name, subject in subjects.items()]


def linear_and_pca(runs: Runs) -> Picture:
    """The codes of a linear autoencoder beside the first two principal components, and both beside an AE."""
    linear, deep = runs.subject("linear"), runs.subject(AE)
    some = linear.test_order[:SCATTERED]
    planes = {
        "PCA": Plane(linear.pca.test_codes[some], ("", "")),
        "linear autoencoder": plane_of(linear.test_codes[some]),
        "deep autoencoder": plane_of(deep.test_codes[some]),
        "deep VAE": plane_of(runs.subject(VAE).test_codes[some]),
    }
    return scatters(planes, linear.data.test_labels[some], linear.data.class_names)


def seen_as(runs: Runs) -> Picture:
    """What the digit classifier sees in the reconstructions of each digit."""
    title = "What reconstructions of each digit (rows) look like, percent"
    return pairs_of_digits(seen(runs.subject(AE)), title)


def pairs_of_digits(table: Tensor, title: str) -> Picture:
    """A table of shares, a row and a column per digit, in percent."""
    digits = [str(digit) for digit in range(10)]
    return shaded_table(dict(zip(digits, 100 * table, strict=True)), digits, title, most=100)


@cache
def seen(subject: Subject) -> Tensor:
    """The share of test images of each class whose reconstruction looks like each digit: (10, 10)."""
    return shares(subject.data.test_labels, digits_in(subject, subject.shown(subject.test_codes)))


@cache
def neighbours_of(subject: Subject) -> Tensor:
    """The share of test images of each class whose nearest training code has each class: (10, 10)."""
    found = subject.data.train_labels[nearest(subject.train_codes, subject.test_codes)]
    return shares(subject.data.test_labels, found)


def shares(true: Tensor, other: Tensor) -> Tensor:
    """How often each pair of classes occurs, as a share of the first: (10, 10)."""
    counts = torch.zeros(10, 10, dtype=torch.float64)
    counts.index_put_((true, other), torch.ones(len(true), dtype=torch.float64), accumulate=True)
    return counts / counts.sum(1, keepdim=True)


def overlap(runs: Runs) -> Picture:
    """The class of the nearest training code of each digit."""
    title = "Percent of each digit (rows) whose nearest code is of each digit"
    return pairs_of_digits(neighbours_of(runs.subject(AE)), title)


def maps(runs: Runs) -> Picture:
    """t-SNE of pixels and of 16-dimensional codes of the same images, at three perplexities."""
    planes, labels = mapped(runs)
    names = runs.subject(OF_MAPS).data.class_names
    return scatters({name: Plane(points, ("", "")) for name, points in planes.items()}, labels, names)


@cache
def mapped(runs: Runs) -> tuple[dict[str, Tensor], Tensor]:
    """The t-SNE maps by what they show, and the labels of the images."""
    subject = runs.subject(OF_MAPS)
    some = subject.test_order[:MAPPED]
    pixels = subject.test_images[some].flatten(1).double()
    sets = {"pixels": principal_axes(pixels, 50).project(pixels).float(), "codes": subject.test_codes[some]}
    planes = {
        f"{name}, perplexity {perplexity}": embedded(subject, points, perplexity)
        for perplexity in PERPLEXITIES
        for name, points in sets.items()
    }
    return planes, subject.data.test_labels[some]


def medians(runs: Runs) -> Picture:
    """The decoded median code of each digit."""
    rows = [
        (name, runs.subject(group).shown(median_codes(runs.subject(group))))
        for name, group in {"AE": AE, "VAE": VAE}.items()
    ]
    return mosaic(rows, "The decoded median of each digit's codes")


def between(runs: Runs) -> Picture:
    """From a 4 to a 9 and from a 3 to an 8, along codes and along pixels."""
    ae, vae = runs.subject(AE), runs.subject(VAE)
    first, rows = first_of_each_class(ae.data.test_labels, 1).tolist(), []
    for start, end in ((0, 1), (3, 8)):
        ends = (first[start], first[end])
        for name, subject in {"AE": ae, "VAE": vae}.items():
            codes = subject.test_codes[list(ends)]
            rows.append((f"{name}, {start} to {end}", subject.shown(line(codes[:1], codes[1:], 7))))
        pixels = ae.test_images[list(ends)]
        rows.append(("pixels", line(pixels[:1], pixels[1:], 7)))
    return mosaic(rows, "On the line between two images")


def samples(runs: Runs) -> Picture:
    """Random codes, decoded: of the autoencoder from the prior and from its own codes, of the VAE."""
    ae, vae = runs.subject(AE), runs.subject(VAE)
    of_ae, of_vae = draw_codes(ae, COLUMNS), draw_codes(vae, 2 * COLUMNS)
    rows = [
        ("real", vae.test_images[vae.test_order[:COLUMNS]]),
        ("AE, N(0, I)", ae.shown(of_ae["prior"])),
        ("AE, fitted", ae.shown(of_ae["gaussian"])),
        *(("VAE, N(0, I)", row) for row in vae.shown(of_vae["prior"]).split(COLUMNS)),
    ]
    return mosaic(rows, "Random codes")


@styled
def holes(runs: Runs) -> Picture:
    """How sure the classifier is of the picture at each code, with test codes on top."""
    figure = Figure(figsize=(WIDTH / DPI, 0.56 * WIDTH / DPI), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, (name, group) in zip(panels, {"AE": AE, "VAE": VAE}.items(), strict=True):
        subject = runs.subject(group)
        x, y = region_of(subject.test_codes, HOLES)
        second, first = torch.meshgrid(y, x, indexing="ij")
        codes = torch.stack([first.flatten(), second.flatten()], 1)
        _, probabilities = seen_by_classifier(subject, subject.shown(codes))
        sure = probabilities.max(1).values.reshape(HOLES, HOLES)
        extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
        image = axes.imshow(
            sure, origin="lower", extent=extent, aspect="auto", cmap="Blues_r", vmin=0.3, vmax=1
        )
        points = subject.test_codes[subject.test_order[:1000]].numpy()
        axes.plot(*points.T, ".", color="#ffa90e", ms=2.5, mew=0, alpha=0.8)
        axes.set(title=name, xlim=extent[:2], ylim=extent[2:])
        axes.grid(visible=False)
        axes.locator_params(nbins=4)
    figure.colorbar(image, ax=panels, label="probability of its digit")
    return rendered(figure)


def neighbourhood(runs: Runs) -> Picture:
    """A code of an AE and of a VAE after steps of growing length."""
    rows = []
    for name, group in {"AE": AE, "VAE": VAE}.items():
        subject = runs.subject(group)
        chosen = first_of_each_class(subject.data.test_labels, 1)
        unit = random_steps(subject, len(chosen))
        for length in (0.0, 0.1, 0.2, 0.5):
            moved = subject.shown(subject.test_codes[chosen] + length * unit)
            rows.append((f"{name}, step {length:g}", moved))
    return mosaic(rows, "Codes after random steps")


def weights_of_kl(runs: Runs) -> Picture:
    """The codes of VAEs with different weights of the KL, on the same axes."""
    groups = {f"beta = {beta}": f"beta model.beta={beta}" for beta in ("0.1", "1", "10", "100")}
    return scatters(*planes_of(runs, groups), limits=LIMITS)


def residuals(runs: Runs) -> Picture:
    """Images, reconstructions, and what is missing: black pixels are missing ink, white ones extra ink."""
    subject = runs.subject(VAE)
    chosen = first_of_each_class(subject.data.test_labels, 1)
    images, found = subject.test_images[chosen], subject.shown(subject.test_codes[chosen])
    rows = [("original", images), ("VAE", found), ("difference", (found - images) / 2 + 0.5)]
    return mosaic(rows, "What two numbers cannot say")


def mean_of_many(runs: Runs) -> Picture:
    """A decoded code, the mean of the training images with the nearest codes, and some of these."""
    subject = runs.subject(VAE)
    chosen = first_of_each_class(subject.data.test_labels, 1)[[2, 4, 5, 8]]
    rows = []
    for code in subject.test_codes[chosen]:
        near = images_near(subject, code)
        decoded = subject.shown(code.unsqueeze(0))
        rows.append(("", torch.cat([decoded, near.mean(0, keepdim=True), near[: COLUMNS - 2]])))
    return mosaic(rows, f"Decoded, mean of the {NEAR} nearest images, eight of them")


def images_near(subject: Subject, code: Tensor) -> Tensor:
    """The training images whose codes are nearest to a code, the nearest first."""
    nearest_codes = (subject.train_codes - code).norm(dim=1).argsort()[:NEAR]
    return to_float(subject.train_images[nearest_codes])


def two_planes(runs: Runs) -> Picture:
    """The codes of a small autoencoder and of a small VAE, on the same axes."""
    groups = {"autoencoder": "small loss=bce", "VAE": "beta model.beta=1"}
    planes, labels, names = planes_of(runs, groups)
    reach = float(torch.cat([plane.points for plane in planes.values()]).abs().quantile(0.99))
    limits = ((-reach, reach), (-reach, reach))
    return scatters(planes, labels, names, limits=limits)


def losses_in_rows(runs: Runs) -> Picture:
    """The same digits under every loss, of the continuous Bernoulli mean and lambda."""
    first = runs.subject(OF_LOSS["MSE"])
    chosen = first_of_each_class(first.data.test_labels, 1)
    rows = [("original", first.test_images[chosen])]
    for name, group in OF_LOSS.items():
        subject = runs.subject(group)
        kinds = subject.pictures(subject.test_codes[chosen])
        rows += [(name if kind == "mean" else f"  {kind}", images) for kind, images in kinds.items()]
    bernoulli = runs.subject(OF_LOSS["Bernoulli"])
    rows.append(("Bernoulli, with the curve", with_contrast(bernoulli.shown(bernoulli.test_codes[chosen]))))
    return mosaic(rows, "The same digits under three losses")


def with_contrast(means: Tensor) -> Tensor:
    """Pictures after the curve that turns the mean of a continuous Bernoulli into its lambda."""
    model = ContinuousBernoulli()
    lowest = float(model.mean(torch.full((1, 1, 1, 1), -torch.inf)))
    return torch.sigmoid(logits_of_mean(means.double().clamp(lowest, 1 - lowest))).float()


def losses_in_samples(runs: Runs) -> Picture:
    """New digits from the prior under every loss: the same codes."""
    rows = []
    for name, group in OF_LOSS.items():
        subject = runs.subject(group)
        kinds = subject.pictures(draw_codes(subject, COLUMNS)["prior"])
        rows += [(name if kind == "mean" else f"  {kind}", images) for kind, images in kinds.items()]
    return mosaic(rows, "The same random codes under three losses")


def shapes(runs: Runs) -> Picture:
    """The loss of a pixel over the prediction."""
    picture = shapes_of_losses().picture
    assert isinstance(picture, np.ndarray)
    return picture


def film(runs: Runs) -> Picture:
    """The codes of validation images at six moments of training."""
    subject = runs.subject("movement")
    files, codes, labels = kept_codes(subject.run.path / "snapshots", 2, 10)
    chosen = np.geomspace(1, len(files), MOMENTS).round().astype(int) - 1
    planes = {f"step {step_in(files[n]):,}": Plane(codes[n], ("", "")) for n in chosen}
    return scatters(planes, labels, subject.data.class_names, limits=LIMITS)


def digits_of_models(runs: Runs) -> Picture:
    """The same digits through every model, with two dimensions."""
    subject = runs.subject(AE)
    chosen = first_of_each_class(subject.data.test_labels, 1)
    rows = [("original", subject.test_images[chosen]), *reconstructed(runs, MODELS, chosen)]
    return mosaic(rows, "The same digits through every model")


def codes_of_models(runs: Runs) -> Picture:
    """The codes of the same images in every model."""
    return scatters(*planes_of(runs, MODELS))


def planes_of(runs: Runs, groups: Mapping[str, str]) -> tuple[dict[str, Plane], Tensor, tuple[str, ...]]:
    """The codes of the same test images in every group, their labels, and the names of the classes."""
    vae = runs.subject(VAE)
    some = vae.test_order[:SCATTERED]
    planes = {name: plane_of(runs.subject(group).test_codes[some]) for name, group in groups.items()}
    return planes, vae.data.test_labels[some], vae.data.class_names


PICTURES: dict[str, Callable[[Runs], Picture]] = {
    function.__name__: function
    for function in (
        kept_of_digits, linear_and_pca, seen_as, overlap, maps, medians, between, samples, holes,
        neighbourhood, two_planes, weights_of_kl, mean_of_many, residuals, losses_in_rows,
        losses_in_samples, shapes, film, digits_of_models, codes_of_models,
    )
}  # fmt: skip


def by_steps(results: Results) -> Picture:
    """How many pictures stay the same digit after a step."""
    return curves(
        results,
        {"AE": AE, "VAE": VAE},
        {f"steps/step_{length:g}/same_digit": length for length in LENGTHS},
        "length of the step",
        "same digit, percent",
        100,
    )


def by_beta(results: Results) -> Picture:
    """The rate of VAEs over the weight of the KL."""
    betas = {group: float(group.split("=")[1]) for group in results.groups("beta")}
    points = [
        (np.log10(beta), number.spread.mean)
        for group, beta in sorted(betas.items(), key=lambda item: item[1])
        if (number := results.number(group, "likelihood/rate")) is not None
    ]
    title = "What a code carries"
    axes = {title: "log10 of beta"}
    return points_by_kind({title: {"rate": points}}, axes, "rate, nats", ["rate"], joined=True)


def by_dimension(results: Results) -> Picture:
    """The reconstruction error over the latent dimension, of PCA, AE and VAE."""
    kinds = {"AE": "ae_wide", "VAE": "vae"}
    points: dict[str, list[tuple[float, float]]] = {"PCA": [], "AE": [], "VAE": []}
    for dim in DIMS:
        for kind, model in kinds.items():
            group = f"losses model={model} loss=bce" if dim == 2 else f"dims model={model} latent.dim={dim}"
            found = results.number(group, "reconstruction/mse")
            if found:
                points[kind].append((np.log2(dim), found.spread.mean))
        pca = (results.content["tables"].get("pca mse") or {}).get(str(dim))
        if pca is not None:
            points["PCA"].append((np.log2(dim), pca))
    title = "Error of a reconstruction"
    return points_by_kind(
        {title: points}, {title: "log2 of the latent dimension"}, "MSE per pixel", [*points], joined=True
    )


def curves(
    results: Results,
    groups: Mapping[str, str],
    metrics: Mapping[str, float],
    xlabel: str,
    ylabel: str,
    factor: float,
) -> Picture:
    """A curve per group over metrics that stand for numbers."""
    points = {
        label: [
            (x, factor * number.spread.mean)
            for metric, x in metrics.items()
            if (number := results.number(group, metric)) is not None
        ]
        for label, group in groups.items()
    }
    return points_by_kind({"": points}, {"": xlabel}, ylabel, [*groups], joined=True)


CHARTS: dict[str, Callable[[Results], Picture]] = {
    function.__name__: function for function in (by_steps, by_beta, by_dimension)
}
