"""What the explorer's page shows of a run: its networks, codes, planes and backgrounds."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jlml.comparison.descriptions import experiment_in_words
from jlml.config import part_names
from jlml.data.batches import to_float
from jlml.errors import UserError
from jlml.evaluation.explorer.arrays import Arrays
from jlml.evaluation.explorer.backgrounds import backgrounds
from jlml.evaluation.explorer.layers import Network, UnknownLayerError
from jlml.evaluation.history import kept_codes, step_in
from jlml.evaluation.results import NotApplicableError
from jlml.evaluation.stored_map import stored_map
from jlml.evaluation.subject import Images, Subject
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian, ObservationModel
from jlml.metrics.pca import principal_axes
from jlml.models import VAE, Autoencoder
from jlml.pictures.figures.style import COLOURS

Content = dict[str, Any]

MOST_IMAGES = 10_000
SHEET = 4096  # pixels along each side of the sheet with all images: more, and phones refuse the canvas
MOST_DIRECTIONS = 64  # latent dimensions and principal axes that the page offers
MOST_MOVING = 2000  # codes of a frame of the movement
CLOSE = 1e-4


def page_content(subjects: Sequence[Subject], arrays: Arrays) -> Content:
    """The content of a page with one or two runs, which must have the same test images.

    Raises:
        NotApplicableError: there is nothing to explore.
    """
    first = subjects[0]
    channels, height, width = first.data.image_shape
    if channels not in (1, 3):
        raise NotApplicableError(f"The page shows images with 1 or 3 channels, and these have {channels}.")
    count = min(len(first.data.test_labels), MOST_IMAGES, (SHEET // height) * (SHEET // width))
    chosen = first.test_order[:count].sort().values
    return {
        "images": {
            "count": count,
            "channels": channels,
            "height": height,
            "width": width,
            "names": list(first.data.class_names),
            "bytes": arrays.add((first.test_images[chosen] * 255).round(), "uint8"),
            "numbers": arrays.add(chosen, "int32"),
            "labels": arrays.add(first.data.test_labels[chosen], "int32"),
        },
        "pixels": first.data.pixels,
        "fit": first.data.fit,
        "canDraw": first.shows_digits,
        "colours": COLOURS,
        "runs": [run_content(subject, chosen, arrays) for subject in subjects],
    }


def run_content(subject: Subject, chosen: Tensor, arrays: Arrays) -> Content:
    """The content of one run, for the chosen test images."""
    model, codes = subject.model, subject.test_codes[chosen]
    dim = model.latent_dim
    axes = principal_axes(codes, min(dim, MOST_DIRECTIONS))
    loss = loss_content(model.loss)
    names = [name for name, _ in model.loss.pictures(torch.zeros(1, *model.image_shape)).items()]
    version, missing = version_content(model, subject, chosen, arrays)
    earlier = [*earlier_versions(subject, chosen, arrays)] if not missing else []
    if loss is None:
        missing.append(f"the loss {type(model.loss).__name__}")
    plane = {"kind": "dims", "x": 0, "y": 1} if dim == 2 else {"kind": "axes", "x": 0, "y": 1}
    return {
        "name": subject.run.path.resolve().name,
        "label": experiment_in_words(part_names(subject.config), dim, subject.data.source.name),
        "dim": dim,
        "isVae": isinstance(model, VAE),
        "beta": getattr(model, "beta", 0),
        "loss": loss,
        "shown": model.loss.shown,
        "kinds": names,
        "missing": missing_in_words(missing),
        "versions": [*earlier, version],
        "spread": float((codes - axes.mean).square().sum(1).mean().sqrt()),
        "center": arrays.add(axes.mean, "float32"),
        "scales": codes.std(0, correction=0).tolist(),
        "axes": arrays.add(axes.directions, "float32"),
        "axisScales": axes.project(codes).std(0, correction=0).tolist(),
        "shares": axes.shares.tolist(),
        "listed": sorted(codes.var(0, correction=0).argsort(descending=True)[:MOST_DIRECTIONS].tolist()),
        "heat": [
            {**each, "choice": plane, "values": arrays.add(values, "float32")}
            for each, values in backgrounds(subject, chosen, axes)
        ],
        "map": map_content(subject, chosen, arrays),
        "movement": movement_content(subject, plane, axes, arrays),
    }


def loss_content(loss: ObservationModel) -> Content | None:
    """The name and options of a loss that the page knows, otherwise None."""
    if type(loss) is Bernoulli:
        return {"kind": "bernoulli"}
    if type(loss) is ContinuousBernoulli:
        return {"kind": "continuous_bernoulli", "limit": loss.limit}
    if type(loss) is Gaussian:
        names = {link: name for name, link in Gaussian.LINKS.items()}
        return {"kind": "gaussian", "scale": loss.scale, "link": names[loss.link]}
    return None


def version_content(
    model: Autoencoder, subject: Subject, chosen: Tensor, arrays: Arrays
) -> tuple[Content, list[str]]:
    """Networks and codes of one state of the model, and what the page cannot run."""
    kind = f"float{subject.settings.explorer.weights}"
    images = subject.data.test_images[chosen]
    some = to_float(images[:8]).to(subject.device)
    content: Content = {"epoch": None, "words": f"{subject.which}.ckpt", "encoder": None, "decoder": None}
    missing = []
    codes = subject.in_batches(lambda batch: model.encode(to_float(batch)).float(), images)
    for name in ("encoder", "decoder"):
        try:
            network = Network(
                getattr(model, name), some if name == "encoder" else codes[:8].to(subject.device)
            )
            if name == "encoder" and not encodes_alone(model, some):
                raise UnknownLayerError(f"{type(model).__name__}.encode")
            content[name] = {"layers": network.layers, "weights": arrays.add(network.weights, kind)}
        except (UnknownLayerError, AttributeError, NotImplementedError) as reason:
            missing.append(f"{reason} in the {name}")
    content["codes"] = arrays.add(codes, "float32")
    content["deviations"] = None
    if isinstance(model, VAE) and content["encoder"] is None:  # otherwise the page computes them
        log_variance = subject.in_batches(lambda batch: model.posterior(to_float(batch))[1].float(), images)
        content["deviations"] = arrays.add((log_variance / 2).exp(), "float32")
    return content, missing


def earlier_versions(subject: Subject, chosen: Tensor, arrays: Arrays) -> Iterator[Content]:
    """Networks and codes of the epochs whose weights the run kept, in order."""
    kept, wanted = subject.run.kept_epochs(), subject.settings.explorer.epochs
    for epoch in kept if wanted is None else sorted(wanted):
        if epoch not in kept:
            there = ", ".join(map(str, kept)) or "none: train with keep_checkpoints_every=1"
            raise UserError(
                f"explorer.epochs={epoch}: the weights of this epoch were not kept. There are {there}."
            )
        model = subject.run.load_model(kept[epoch].stem, subject.settings.trust).to(subject.device)
        version, missing = version_content(model, subject, chosen, arrays)
        words = "before training" if epoch == 0 else f"epoch {epoch}"
        if not missing:
            yield {**version, "epoch": epoch, "words": words}


def encodes_alone(model: Autoencoder, images: Images) -> bool:
    """Whether the code is the output of the encoder, for a VAE its first half."""
    with torch.no_grad():
        output = model.encoder(images)
        codes = output[:, : model.latent_dim] if isinstance(model, VAE) else output
        return codes.shape == (len(images), model.latent_dim) and torch.allclose(
            codes, model.encode(images), atol=CLOSE, rtol=CLOSE
        )


def missing_in_words(missing: Sequence[str]) -> str:
    """A sentence about what the page cannot run; empty if it runs everything."""
    if not missing:
        return ""
    return f"This page cannot run {' and '.join(missing)}. It shows what needs no network."


def map_content(subject: Subject, chosen: Tensor, arrays: Arrays) -> Content | None:
    """The t-SNE map of the same evaluation, if it has one."""
    found = stored_map(subject)
    if found is None:
        return None
    place = {image: number for number, image in enumerate(chosen.tolist())}
    mapped = [
        (place[image], point)
        for image, point in zip(found[0].tolist(), found[1], strict=True)
        if image in place
    ]
    images, kept = zip(*mapped, strict=True)
    return {
        "points": arrays.add(torch.stack(kept), "float32"),
        "images": arrays.add(np.array(images), "int32"),
    }


def movement_content(subject: Subject, plane: Content, axes: Any, arrays: Arrays) -> Content | None:
    """The codes of validation images during training, in the plane that the page shows first."""
    if subject.model.latent_dim < 2:
        return None
    files, snapshots, labels = kept_codes(
        subject.run.path / "snapshots", subject.model.latent_dim, len(subject.data.class_names)
    )
    if not files:
        return None

    def in_plane(codes: Tensor) -> Tensor:
        return codes if codes.shape[1] == 2 else axes.project(codes)[:, :2]

    batches = math.ceil(len(subject.data.train_labels) / subject.config["data"]["batch_size"])
    frames = [
        {
            "words": f"epoch {step_in(file) / batches:.3g}",
            "points": arrays.add(in_plane(codes[:MOST_MOVING]), "float32"),
        }
        for file, codes in zip(files, snapshots, strict=True)
    ]
    return {"choice": plane, "labels": arrays.add(labels[:MOST_MOVING], "int32"), "frames": frames}
