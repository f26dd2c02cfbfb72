"""Pages that hold everything they show: one file, which opens anywhere and loads nothing."""

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from jlml.comparison.groups import Group
from jlml.comparison.quantities import quantity_of
from jlml.evaluation.digits import NAME, weights_hash
from jlml.evaluation.record import Evaluation
from jlml.evaluation.tables import Table, number, tables_of
from jlml.files import write_atomically

PARTS_IN_WORDS = {
    "objective": (
        "Objective",
        "What training minimised, on the test images, computed again from the run folder.",
    ),
    "reconstruction": (
        "Reconstruction",
        "Each test image is encoded to its code and decoded to its mean picture. The scores compare the two.",
    ),
    "likelihood": (
        "Likelihood",
        "How probable the test images are under the model, in nats, as bounds from below; and whether the "
        "codes of all images together fill the prior that samples are drawn from.",
    ),
    "codes": (
        "Codes",
        "What the codes keep of the images: their classes (labels are used here only, never in training), "
        "their neighbours, their distances.",
    ),
    "baselines": (
        "Baselines",
        "The same scores for PCA with as many components as the model has latent dimensions, and for the "
        "mean training image, on the same split.",
    ),
    "generation": (
        "Generation",
        "New images from several samplers, against training images, in the features of a digit classifier. "
        "Read every row against the first: real test images.",
    ),
    "pictures": ("Pictures", "What the numbers above look like."),
    "tsne": ("t-SNE", "Maps of the codes and of the pixels."),
}

environment = Environment(
    loader=PackageLoader("jlml.evaluation"),
    autoescape=True,  # names and captions come from folders that anyone may have written
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_report(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes `report.html` of one evaluation, from what `metrics.json` holds and the figures beside it."""
    parts = [
        {
            "name": name,
            "title": PARTS_IN_WORDS[name][0],
            "about": PARTS_IN_WORDS[name][1],
            "tables": tables_of(name, content["parts"]),
            **part,
        }
        for name, part in content["parts"].items()
    ]
    page = environment.get_template("run.html").render(
        content=content,
        parts=parts,
        summary=list(in_short(content)),
        embed=embedder(folder),
        feature_network=NAME,
    )
    write_atomically(folder / "report.html", page)


def in_short(content: Mapping[str, Any]) -> Iterator[str]:
    """The main numbers in sentences, each beside what it is to be compared with."""

    def value(name: str) -> str | None:
        part, _, metric = name.partition("/")
        found = content["parts"].get(part, {}).get("metrics", {}).get(metric)
        return None if found is None else number({"value": found["value"]}, quantity_of(metric))

    def beside(*pairs: tuple[str, str]) -> str:
        others = [f"{words} {value(name)}" for words, name in pairs if value(name) is not None]
        return f" ({', '.join(others)})" if others else ""

    if value("reconstruction/mse"):
        others = beside(("PCA", "baselines/pca/mse"), ("mean image", "baselines/mean_image/mse"))
        yield f"Reconstructions have an MSE of {value('reconstruction/mse')} per pixel{others}."
    if value("codes/knn_5"):
        others = beside(("PCA's", "baselines/pca/knn_5"))
        yield f"The 5 nearest training codes classify {value('codes/knn_5')} of the test codes right{others}."
    if value("codes/trustworthiness"):
        others = beside(("PCA", "baselines/pca/trustworthiness"))
        yield f"Trustworthiness of neighbourhoods is {value('codes/trustworthiness')}{others}."
    if value("likelihood/elbo"):
        yield (
            f"The ELBO is {value('likelihood/elbo')} nats an image: a rate of {value('likelihood/rate')} and "
            f"a distortion of {value('likelihood/distortion')}. {content['observation_model']}."
        )
    from_prior = value("generation/prior/frechet_distance")
    if from_prior:
        others = beside(
            ("from the mixture", "generation/mixture/frechet_distance"),
            ("real test images", "generation/real_test_images/frechet_distance"),
        )
        yield f"Samples from the prior have a Frechet distance of {from_prior}{others}."


def write_comparison(
    folder: Path,
    groups: Sequence[Group],
    tables: Sequence[Table],
    figures: Sequence[Mapping[str, str]],
    failed: Sequence[str],
) -> None:
    """Writes `comparison.html`."""
    page = environment.get_template("comparison.html").render(
        groups=groups,
        tables=tables,
        figures=figures,
        failed=failed,
        embed=embedder(folder),
        runs=sum(len(group.evaluations) for group in groups),
        densities=dict.fromkeys(group.first.content["observation_model"] for group in groups),
        link=partial(link_to, folder),
        feature_network=NAME,
        feature_hash=weights_hash(),
    )
    write_atomically(folder / "comparison.html", page)


def link_to(folder: Path, evaluation: Evaluation) -> str:
    """The relative address of a run's own report."""
    target = os.path.relpath(evaluation.folder.resolve() / "report.html", folder.resolve())
    return quote(Path(target).as_posix())


def embedder(folder: Path) -> Any:
    """A function from a figure's file name to the picture as a data address."""

    def embed(file: str) -> str:
        kind = "gif" if file.endswith(".gif") else "png"
        content = base64.b64encode((folder / Path(file).name).read_bytes()).decode()
        return f"data:image/{kind};base64,{content}"

    return embed
