"""The report of one run: `report.html`, from the content of its `metrics.json` and its figures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jlml.comparison.descriptions import experiment_in_words
from jlml.comparison.table_text import texts_of
from jlml.evaluation.digits import NAME
from jlml.evaluation.document import embedder, environment
from jlml.evaluation.part_tables import tables_of
from jlml.evaluation.summary import summary_of
from jlml.files import write_atomically

Part = dict[str, Any]

# title and explanation of each part, in the order of the report
PARTS_IN_WORDS = {
    "pictures": ("Pictures", "Typical images, interpolations, decoded planes and samples."),
    "reconstruction": ("Reconstruction", "Each test image is encoded and decoded. How close is the result?"),
    "codes": ("Codes", "How well codes keep classes, neighbours and distances. Training never saw labels."),
    "baselines": ("Baselines", "PCA with as many components as the code has dimensions, and the mean image."),
    "generation": ("Generated images", "New images, compared with training images."),
    "steps": ("Steps around a code", "How far a code can move before its picture changes."),
    "likelihood": ("Likelihood", "Bounds on log p(x) of test images, and whether codes match the prior."),
    "read_as": ("Read as another observation model", "The same decoder, scored as a continuous Bernoulli."),
    "explorer": ("Explorer", "A page in which the pointer decodes any code: explorer.html."),
    "tsne": ("t-SNE", "Maps of codes and of pixels that keep neighbours."),
    "images": ("Images", "A row of numbers for every image: images.csv. Their distributions by class."),
    "objective": ("Objective", "What training minimised, on the test images."),
}
# figures of the first screen, by column
FIRST = {
    "images": ("pictures_reconstructions", "pictures_samples"),
    "curves": ("pictures_latent_scatter", "pictures_training"),
}


def write_report(folder: Path, content: Mapping[str, Any], shown: str) -> None:
    """Writes `report.html`.

    Args:
        folder: folder of the evaluation, with the figures.
        content: content of `metrics.json`.
        shown: kind of picture that stands for the loss: `mean` or `lambda`.
    """
    figures = {
        Path(figure["file"]).stem: figure
        for part in content["parts"].values()
        for figure in part.get("figures", [])
    }
    first = {column: [figures[name] for name in names if name in figures] for column, names in FIRST.items()}
    on_first = [figure["file"] for some in first.values() for figure in some]
    parts = [*parts_of(content["parts"], on_first, shown)]
    shown_in = ("tables", "figures", "notes", "reason")
    title = experiment_in_words(content["choices"], content["latent_dim"], content["data"]["name"])
    page = environment.get_template("run.html").render(
        title=f"{content['name']}: {title}" if content["name"] else title,
        content=content,
        parts=[part for part in parts if any(part.get(key) for key in shown_in)],
        all_parts=parts,
        first=first,
        summary=summary_of(content, shown),
        embed=embedder(folder),
        feature_network=NAME,
    )
    write_atomically(folder / "report.html", page)
    in_parts = ((part["title"], table) for part in parts for table in part.get("tables", []))
    for name, text in texts_of(in_parts).items():
        write_atomically(folder / name, text)


def parts_of(results: Mapping[str, Any], on_first: Sequence[str], shown: str) -> Iterator[Part]:
    """The parts with title, explanation and tables, and without the figures of the first screen."""
    for name, (title, about) in PARTS_IN_WORDS.items():
        if name not in results:
            continue
        result = results[name]
        figures = [figure for figure in result.get("figures", []) if figure["file"] not in on_first]
        tables = tables_of(name, results, shown) if result["status"] == "done" else []
        part = {"notes": [], **result, "figures": figures, "tables": tables}
        yield {**part, "name": name, "title": title, "about": about}
