"""Builds the documentation site: `make docs`, or `python docs/site/build.py`, without network and training.

By Sphinx with MyST and furo: the builder of Python itself, long maintained, with docstrings built in. Its
source is the Markdown in docs/, pages that are generated here from the schema, the metrics and the configs,
and the article.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

SITE = Path(__file__).parent
DOCS = SITE.parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "article"))

from page import environment_of, mathml, scripts_of, written  # noqa: E402
from results import Results, stored  # noqa: E402

from jlml.comparison.quantities import QUANTITIES  # noqa: E402
from jlml.config import CONF  # noqa: E402
from jlml.config.check import annotated, choices  # noqa: E402
from jlml.config.schema import Evaluate, Options, Train  # noqa: E402

ARTICLE = DOCS / "article"
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", None: ""}
API = {
    "jlml": ("train", "build", "load", "images", "prepare", "evaluate", "compare", "find_runs", "explore"),
    "jlml.plots": (
        *("reconstructions", "latent_scatter", "decoded_plane", "interpolation", "traversal", "samples"),
    ),
    "jlml.models": ("Autoencoder", "AE", "VAE", "ConvAE", "ConvVAE"),
    "jlml.losses": ("ObservationModel", "Gaussian", "Bernoulli", "ContinuousBernoulli"),
    "jlml.networks": (
        *("MLPEncoder", "MLPDecoder", "ConvEncoder", "ConvDecoder", "PooledEncoder", "PooledDecoder"),
    ),
}


def main() -> None:
    """Writes the source and runs Sphinx. A warning is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs/site")
    given = parser.parse_args()
    source = given.outputs.with_name(f"{given.outputs.name}_source")
    shutil.rmtree(source, ignore_errors=True)
    write_source(source)
    command = ["-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-c", SITE, source, given.outputs]
    done = subprocess.run([sys.executable, *command], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    results = stored(ARTICLE / "results.json")
    page, _ = written(results, ARTICLE / "figures", ARTICLE / "live.json")
    (given.outputs / "article.html").write_text(page)
    (given.outputs / "plane.html").write_text(plane())
    print(f"Site  {given.outputs / 'index.html'}")


def write_source(source: Path) -> None:
    """Writes all pages as Markdown."""
    source.mkdir(parents=True)
    for file in [*DOCS.glob("*.md"), *SITE.glob("*.md")]:
        if file.name != "article.md" or file.parent == SITE:
            write(source / file.name, file.read_text())
    for picture in [*DOCS.glob("*.png"), *DOCS.glob("*.gif")]:
        shutil.copy(picture, source)
    shutil.copytree(ARTICLE / "figures", source / "figures")
    for example in (ROOT / "examples").glob("*.py"):
        write(source / "examples" / f"{example.stem}.md", example_page(example))
    write(source / "contributing.md", (ROOT / "CONTRIBUTING.md").read_text(), orphan=True)
    for kind, group in (("models", "model"), ("losses", "loss")):
        names = sorted(file.stem for file in (SITE / kind).glob("*.md"))
        for name in names:
            write(source / kind / f"{name}.md", choice_page(SITE / kind / f"{name}.md", group))
        listed = "\n".join(names)
        title = "Models" if kind == "models" else "Losses"
        write(source / kind / "index.md", f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n{listed}\n```\n")
    write(source / "reference/config.md", config_page())
    write(source / "reference/choices.md", choices_page())
    write(source / "reference/metrics.md", metrics_page())
    write(source / "reference/api.md", api_page())
    write(source / "results.md", results_page(stored(ARTICLE / "results.json")))


def write(file: Path, text: str, orphan: bool = False) -> None:
    """Writes a page whose links lead to other pages of the site, and whose formulas need no script."""
    text = re.sub(r"\]\(\.\./examples/(\w+)\.(py|ipynb)\)", r"](examples/\1.md)", text)
    text = text.replace("](../CONTRIBUTING.md)", "](contributing.md)")
    text = text.replace("](../../article/figures/", "](../figures/")
    text = re.sub(r"\]\(docs/([\w.]+)", r"](\1", text)
    if "$$" in text or file.parent.name in ("models", "losses"):  # only these pages have formulas
        text = re.sub(r"\$\$(.+?)\$\$", lambda found: formula(found[1], True), text, flags=re.DOTALL)
        text = re.sub(r"\$([^$\n]+)\$", lambda found: formula(found[1], False), text)
    is_orphan = orphan or file.parent.name == "examples"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(("---\norphan: true\n---\n" if is_orphan else "") + text)


def formula(text: str, is_block: bool) -> str:
    """A formula as MathML on one line, so that Markdown leaves it alone."""
    found = mathml(text.strip(), {"display_mode": is_block}).replace("\n", " ")
    return f"<div>{found}</div>" if is_block else found


def example_page(file: Path) -> str:
    """The source of an example."""
    return f"# examples/{file.name}\n\n```python\n{file.read_text()}```\n"


def choice_page(file: Path, group: str) -> str:
    """The page of a model or a loss, with its config and the numbers to expect."""
    config = (CONF / group / f"{file.stem}.yaml").read_text()
    page = file.read_text()
    before, _, source = page.partition("**Source.**")
    numbers = "\n".join(expected(file.stem, group))
    return (
        f"{before}**Config** (`conf/{group}/{file.stem}.yaml`).\n\n```yaml\n{config}```\n\n"
        f"**Expected numbers.**\n\n{numbers}\n\n**Source.**{source}"
    )


def expected(name: str, group: str) -> Iterator[str]:
    """The measured numbers of a choice, from the tables of the guides."""
    if group == "model":
        how = "[how](../training.md#which-network)"
        yield f"Test loss with `loss=bce` in nats, three seeds, full MNIST, 15 epochs; {how}."
        yield ""
        rows = table_rows("training.md", "| `model` | `model.norm` |")
        yield from [*rows[:2], *rows_of(rows[2:], f"`{name}`")]
        if name == "ae_linear":
            yield "| `ae_linear`, `experiment=pca_linear` | none | MSE .05567, as PCA | |"
    else:
        how = "[how](../evaluation.md#compare-runs)"
        yield f"Two latent dimensions, three seeds, full MNIST, 20 epochs; {how}."
        yield ""
        rows = table_rows("evaluation.md", "| | MSE, mean image |")
        yield from [*rows[:2], *(row for row in rows[2:] if f"`{name}` |" in row)]


def table_rows(page: str, header: str) -> list[str]:
    """The lines of a table of a guide, given the start of its header."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(header))
    end = next(n for n in range(start, len(lines)) if not lines[n].startswith("|"))
    return lines[start:end]


def rows_of(rows: list[str], name: str) -> list[str]:
    """The rows of a name, with those below it that have none."""
    found: list[str] = []
    for row in rows:
        if row.startswith(f"| {name}") or (found and row.startswith("| |")):
            found.append(row)
        elif found:
            break
    return found


def config_page() -> str:
    """Every key of both commands, from the schema."""
    text = [
        "# Every key",
        "",
        "From the schema that checks each config. `python train.py --help` prints the same.",
    ]
    for schema, command in ((Train, "train.py"), (Evaluate, "evaluate.py")):
        text += ["", f"## {command}", ""]
        groups = []
        rows = []
        for name, field in schema.model_fields.items():
            below = model_in(field.annotation)
            if below is not None:
                groups.append((name, below))
            elif field.description:
                rows.append(key_row(name, field, schema))
        text += ["| key | meaning | default |", "|---|---|---|", *rows]
        for name, below in groups:
            text += ["", f"### {name}", "", (below.__doc__ or "").strip().replace("`", ""), ""]
            fields = {key: field for key, field in below.model_fields.items() if key != "target"}
            keys = [key_row(f"{name}.{key}", field, below) for key, field in fields.items()]
            text += ["| key | meaning | default |", "|---|---|---|", *keys]
    return "\n".join([*text, ""])


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The group of keys in a type, also if it may be None, or by name; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := model_in(each)) is not None), None)


def key_row(name: str, field: Any, schema: type[BaseModel]) -> str:
    """A row of a table of keys. The defaults of `Options` are in the files of the choices."""
    options = choices(annotated(field))
    meaning = field.description or ""
    if options and not all(option in meaning for option in options):
        meaning += f" ({', '.join(options)})"
    in_files = field.is_required() or issubclass(schema, Options)
    default = "in its file" if in_files else f"`{'null' if field.default is None else field.default}`"
    return f"| `{name}` | {cell(meaning)} | {default} |"


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("$", "\\$")


def choices_page() -> str:
    """Every file of every config group."""
    text = ["# Every choice", "", "A choice is a file in `conf/`: `model=vae` is `conf/model/vae.yaml`."]
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra",)):
        text += ["", f"## {folder.name}", ""]
        for file in sorted(folder.glob("*.yaml")):
            text += [f"### {folder.name}={file.stem}", "", f"```yaml\n{file.read_text().rstrip()}\n```", ""]
    return "\n".join([*text, ""])


def metrics_page() -> str:
    """Every metric with unit, direction, meaning, formula and source."""
    formulas = yaml.safe_load((SITE / "formulas.yaml").read_text())
    text = [
        "# Every metric",
        "",
        "By the last part of their names: `reconstruction/mse` is an `mse`. In the formulas x is a test "
        "image with D pixels, g its picture, z a code, and N the number of test images. A value of one "
        "image is averaged over all.",
    ]
    for name, quantity in QUANTITIES.items():
        defined = formulas[name]
        facts = [quantity.unit, DIRECTIONS[quantity.better]]
        text += ["", f"## {name}", "", f"**{cell(quantity.label)}**, {cell(', '.join(filter(None, facts)))}."]
        text += ["", cell(quantity.meaning), "", f"$${defined['formula']}$$", ""]
        if "note" in defined:
            text += [f"Here: {defined['note']}.", ""]
        more = f" [More]({quantity.link})" if quantity.link else ""
        text += [f"Source: {defined['source']}.{more}"]
    return "\n".join([*text, ""])


def api_page() -> str:
    """The Python interface, from its docstrings."""
    text = ["# Python", "", "From the docstrings. [In Python](../python.md) says how they belong together."]
    for module, names in API.items():
        text += ["", f"## {module}", "", "```{eval-rst}"]
        for name in names:
            kind = "autoclass" if name[0].isupper() else "autofunction"
            text += [f".. {kind}:: {module}.{name}", *(["   :members:"] if kind == "autoclass" else []), ""]
        text.append("```")
    return "\n".join([*text, ""])


def results_page(results: Results) -> str:
    """Every number of the article: mean and standard deviation over seeds."""
    text = [
        "# Results",
        "",
        f"All numbers of the article, on {results.data}: mean ± standard deviation over seeds.",
    ]
    for sweep in yaml.safe_load((ARTICLE / "runs.yaml").read_text())["sweeps"]:
        groups = [*results.groups(sweep)]
        if not groups:
            continue
        text += ["", f"## {sweep}"]
        for group in groups:
            text += ["", f"### {group}", "", "| metric | value |", "|---|---|"]
            for metric in results.content["groups"][group]:
                text.append(f"| `{metric}` | {results.number(group, metric)} |")
    return "\n".join([*text, ""])


def plane() -> str:
    """The live figure of the start page."""
    live = (ARTICLE / "live.json").read_text() if (ARTICLE / "live.json").is_file() else "null"
    body = '<figure><div class="live" data-live="planes" hidden></div></figure>'
    return environment_of().get_template("page.html").render(body=body, **scripts_of(live))


if __name__ == "__main__":
    main()
