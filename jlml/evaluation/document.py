"""Writes reports as self-contained HTML files."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from jlml.evaluation.digits import NAME
from jlml.evaluation.part_tables import tables_of
from jlml.evaluation.summary import summary_of
from jlml.files import write_atomically

# title and explanation of each part
PARTS_IN_WORDS = {
    "objective": (
        "Objective",
        "The training objective on the test images, computed again from the run folder.",
    ),
    "reconstruction": (
        "Reconstruction",
        "Each test image is encoded to its code and decoded to its mean image. The scores compare the two.",
    ),
    "likelihood": (
        "Likelihood",
        "Lower bounds on the log likelihood of the test images, in nats. Also, whether the codes of all "
        "images together match the prior, from which samples are drawn.",
    ),
    "codes": (
        "Codes",
        "How well the codes preserve the images' classes, neighbours and distances. Labels are used only "
        "here, never in training.",
    ),
    "baselines": (
        "Baselines",
        "The same scores on the same split for PCA with as many components as the model has latent "
        "dimensions, and for the mean training image.",
    ),
    "generation": (
        "Generation",
        "New images from several samplers, compared with training images in the features of a digit "
        "classifier. Compare every row with the first one: real test images.",
    ),
    "pictures": ("Pictures", "Reconstructions, codes, decoded planes and samples."),
    "tsne": ("t-SNE", "Maps of the codes and of the pixels."),
}

environment = Environment(
    loader=PackageLoader("jlml.evaluation"),
    autoescape=True,  # names and captions come from untrusted folders
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_report(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes `report.html` from the content of `metrics.json` and the figures in the folder."""
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
        summary=list(summary_of(content)),
        embed=embedder(folder),
        feature_network=NAME,
    )
    write_atomically(folder / "report.html", page)


def embedder(folder: Path) -> Callable[[str], str]:
    """A function that returns a figure as a data URL, given its file name."""

    def embed(file: str) -> str:
        kind = "gif" if file.endswith(".gif") else "png"
        content = base64.b64encode((folder / Path(file).name).read_bytes()).decode()
        return f"data:image/{kind};base64,{content}"

    return embed
