"""Writes the page of the article: its text with numbers filled in, its figures, and its live figures."""

import base64
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import latex2mathml.converter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from results import Number, Results, close, lower

import jlml.evaluation

HERE = Path(__file__).parent
EVALUATION = Path(jlml.evaluation.__file__).parent
# short names of groups in the text
GROUPS = {
    "linear": "linear",
    "contrast": "contrast",  # not a sweep: computed from the runs of vae
    **{f"ae {loss}": f"losses model=ae_wide loss={loss}" for loss in ("mse", "bce", "cont_bern")},
    **{f"vae {loss}": f"losses model=vae loss={loss}" for loss in ("mse", "bce", "cont_bern")},
    "ae": "losses model=ae_wide loss=bce",
    "vae": "losses model=vae loss=bce",
    "vae cb": "losses model=vae loss=cont_bern",
    "small ae": "small loss=bce",
    **{f"{kind} {d}": f"dims model={model} latent.dim={d}" for d in (1, 4, 8, 16, 32, 64)
       for kind, model in (("ae", "ae_wide"), ("vae", "vae"))},
    **{f"beta {beta}": f"beta model.beta={beta}" for beta in ("0.1", "0.3", "1", "3", "10", "30", "100")},
    **{f"collapse {beta}": f"collapse model.beta={beta}" for beta in ("0.5", "1", "2", "4")},
    "conv 2": "conv latent=d2",
    "conv 16": "conv latent=d16",
    "equal": "equal",
    "spatial": "spatial",
    "published bce": "published loss=bce",
    "published cb": "published loss=cont_bern",
    **{f"warped bce 0.2 beta {beta}": f"warped_beta model.beta={beta}" for beta in ("0.1", "0.2")},
    **{f"warped {loss} 0.2 beta 5": f"warped_costly loss={loss}" for loss in ("mse", "cont_bern")},
    **{f"warped {loss} {gamma}": f"warped loss={loss} data.path=warped_{gamma}"
       for loss in ("bce", "cont_bern") for gamma in ("0.1", "0.2", "0.3")},
}  # fmt: skip
METRICS = {
    "mse": "reconstruction/mse",
    "bce": "reconstruction/bce",
    "squared error": "reconstruction/squared_error",
    "lambda mse": "reconstruction/lambda/mse",
    "sharpness": "reconstruction/gradient_energy",
    "lambda sharpness": "reconstruction/lambda/gradient_energy",
    "test sharpness": "reconstruction/test_images/gradient_energy",
    "grey": "reconstruction/grey_share",
    "lambda grey": "reconstruction/lambda/grey_share",
    "test grey": "reconstruction/test_images/grey_share",
    "elbo": "likelihood/elbo",
    "rate": "likelihood/rate",
    "distortion": "likelihood/distortion",
    "bound": "likelihood/importance_bound",
    "active": "likelihood/active_units",
    "1-nn": "codes/knn_1",
    "5-nn": "codes/knn_5",
    "15-nn": "codes/knn_15",
    "probe": "codes/linear_probe",
    "trust": "codes/trustworthiness",
    "silhouette": "codes/silhouette",
    "pca mse": "baselines/pca/mse",
    "pca 5-nn": "baselines/pca/knn_5",
    "pca trust": "baselines/pca/trustworthiness",
    "mean mse": "baselines/mean_image/mse",
    "pixels 5-nn": "baselines/pixels/knn_5",
    "pixels probe": "baselines/pixels/linear_probe",
    "angle": "baselines/largest_angle",
    "weight angle": "baselines/smallest_weight_angle",
    "real frechet": "generation/real_test_images/frechet_distance",
    **{f"{sampler} frechet": f"generation/{sampler}/frechet_distance"
       for sampler in ("prior", "gaussian", "mixture", "midpoints")},
    "prior lambda frechet": "generation/prior_lambda/frechet_distance",
    "reconstructed frechet": "generation/reconstructions/frechet_distance",
    "prior precision": "generation/prior/precision",
    "prior recall": "generation/prior/recall",
    "medians": "generation/class_medians/recognised",
    **{f"median {digit}": f"generation/class_medians/{digit}/recognised" for digit in range(10)},
    **{f"step {length}": f"steps/step_{length}/same_digit" for length in ("0.1", "0.2", "0.5", "1", "2")},
    "mean bound": "read_as/cont_bern_mean/importance_bound",
    "change 0.1": "steps/step_0.1/picture_change",
    "as mean": "read_as/cont_bern_mean/elbo",
    "as lambda": "read_as/cont_bern_lambda/elbo",
}  # fmt: skip


MISSING = Markup('<span class="missing">not measured</span>')
USED = (
    "v",
    "counted",
    "shown_gap",
    "larger_gap",
    "table",
    "plain",
    "whole",
    "percent",
    "predicted",
    "collapse_agrees",
    "lower",
    "below",
    "near",
    "claim",
    "figure",
)


class Text:
    """What the text of the article can use.

    Args:
        results: the numbers.
        figures: folder of the static figures.
    """

    def __init__(self, results: Results, figures: Path) -> None:
        self.results = results
        self.figures = figures
        self.failed: list[str] = []  # claims that the numbers do not carry
        self.missing: list[str] = []  # numbers that were not measured
        self.count = 0

    def number(self, group: str, metric: str) -> Number | None:
        """The values of a metric, by the short names."""
        found = self.results.number(GROUPS[group], METRICS[metric])
        if found is None:
            self.missing.append(f"{group}: {metric}")
        return found

    def v(self, group: str, metric: str) -> Markup:
        """A number with its standard deviation over seeds."""
        found = self.number(group, metric)
        if found is None:
            return MISSING
        title = f"{GROUPS[group]}, {METRICS[metric]}, seeds {', '.join(map(str, found.by_seed))}"
        return Markup(f'<span class="number" title="{html.escape(title)}">{found}</span>')

    def table(self, name: str, *path: Any) -> Any:
        """An entry of a table, for example ``table("seen", "ae", 4, 9)``."""
        found: Any = self.results.content["tables"].get(name)
        for part in path:
            found = None if found is None else found[part]
        return found

    def predicted(self, beta: str) -> int | str:
        """The number of principal components whose variance is above beta, for noise of variance 1."""
        spectrum = self.table("spectrum")
        return "not measured" if spectrum is None else sum(value > float(beta) for value in spectrum)

    def collapse_agrees(self, most: int) -> bool | None:
        """Whether linear VAEs use as many dimensions as predicted, up to ``most``, in every run."""
        for beta in ("0.5", "1", "2", "4"):
            found, expected = self.number(f"collapse {beta}", "active"), self.predicted(beta)
            if found is None or isinstance(expected, str):
                return None
            if any(abs(value - expected) > most for value in found.values):
                return False
        return True

    def plain(self, name: str, *path: Any) -> Markup:
        """A number of a table as it is."""
        return self.entry("{:g}", 1, name, *path)

    def percent(self, name: str, *path: Any, digits: int = 0) -> Markup:
        """A share of a table in percent."""
        return self.entry(f"{{:.{digits}f}} %", 100, name, *path)

    def whole(self, name: str, *path: Any) -> Markup:
        """A count of a table."""
        return self.entry("{:,}", 1, name, *path)

    def entry(self, form: str, factor: float, name: str, *path: Any) -> Markup:
        """A number of a table, times a factor, in a format."""
        found = self.table(name, *path)
        if found is None:
            self.missing.append(f"{name} {path}")
            return MISSING
        return Markup('<span class="number">{}</span>').format(form.format(factor * found))

    def lower(self, one: str, other: str, metric: str, other_metric: str = "") -> bool | None:
        """Whether a metric is lower in one group than in another; None if one was not measured."""
        numbers = self.number(one, metric), self.number(other, other_metric or metric)
        return None if None in numbers else lower(*numbers)

    def below(self, group: str, metric: str, limit: float) -> bool | None:
        """Whether a metric is below a constant."""
        found = self.number(group, metric)
        return None if found is None else lower(found, limit)

    def near(self, one: str, other: str, metric: str, other_metric: str, most: float) -> bool | None:
        """Whether two numbers differ by less than ``most``."""
        numbers = self.number(one, metric), self.number(other, other_metric)
        return None if None in numbers else close(*numbers, most)

    def counted(self, group: str, metric: str) -> Markup:
        """In how many runs a metric is 1: ``2 of 3``."""
        found = self.number(group, metric)
        if found is None:
            return MISSING
        return Markup(f'<span class="number">{sum(found.values):.0f} of {len(found.values)}</span>')

    def gap(self, one: str, metric: str, other: str, other_metric: str) -> Number | None:
        """How much a number is above another one, for each seed."""
        first, second = self.number(one, metric), self.number(other, other_metric)
        if first is None or second is None:
            return None
        seeds = [seed for seed in first.by_seed if seed in second.by_seed]
        return Number(first.metric, {seed: first.by_seed[seed] - second.by_seed[seed] for seed in seeds})

    def shown_gap(self, one: str, metric: str, other: str, other_metric: str) -> Markup:
        """The difference of two numbers, with its standard deviation over seeds."""
        found = self.gap(one, metric, other, other_metric)
        kind = "missing" if found is None else "number"
        return Markup(f'<span class="{kind}">{found or "not measured"}</span>')

    def larger_gap(self, first: tuple[str, str, str, str], second: tuple[str, str, str, str]) -> bool | None:
        """Whether one difference is larger than another."""
        one, other = self.gap(*first), self.gap(*second)
        return None if one is None or other is None else lower(other, one)

    def claim(self, *holds: bool | None, caller: Callable[[], str]) -> Markup:
        """A sentence that has to follow from the numbers. One that does not is marked."""
        text = Markup(caller().strip())
        if all(holds):
            return text
        if False not in holds:
            return Markup('<span class="missing">{} (not measured)</span>').format(text)
        self.failed.append(str(text))
        return Markup('<span class="not-carried" title="These runs do not show this.">{}</span>').format(text)

    def figure(self, name: str, caption: str, live: str = "") -> Markup:
        """A figure: its static picture and, if it has one, the place of its live version."""
        self.count += 1
        file = self.figures / f"{name}.png"
        shown = " ".join(caption.partition("**Try:**")[0].split())  # what a still picture shows
        caption = f"**Figure {self.count}.** {caption}"
        picture = '<p class="missing">not drawn yet</p>'
        if file.is_file():
            data = base64.b64encode(file.read_bytes()).decode()
            picture = f'<img src="data:image/png;base64,{data}" alt="{html.escape(shown, quote=True)}">'
        place = f'<div class="live" data-live="{live}" hidden></div>' if live else ""
        return Markup(
            f'\n<figure id="{name}">\n{place}{picture}\n<figcaption>\n\n{caption}\n\n'
            "</figcaption>\n</figure>\n"
        )


def written(results: Results, figures: Path, live: Path) -> tuple[str, Text]:
    """The page as HTML, and what it could not carry."""
    text, environment = Text(results, figures), environment_of()
    names = {name: getattr(text, name) for name in USED}
    names |= {"data": results.data, "full": results.data == "mnist"}
    body = markdown().render(environment.get_template("article.md").render(**names))
    content = live.read_text("utf-8") if live.is_file() else "null"
    page = environment.get_template("page.html").render(body=body, **scripts_of(content))
    return page, text


def environment_of() -> Environment:
    """The templates: the text of the article, and its page."""
    return Environment(
        loader=FileSystemLoader([HERE.parent, HERE]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def scripts_of(live: str) -> dict[str, str]:
    """Scripts, style and data of a page with live figures.

    Args:
        live: content of `live.json`.
    """
    explorer = EVALUATION / "explorer/page"
    scripts = [*(explorer / f"{name}.js" for name in ("arrays", "network", "losses")), HERE / "live.js"]
    styles = [EVALUATION / "templates/colours.css", HERE.parent / "site/static/math.css", HERE / "page.css"]
    return {
        "script": "\n".join(['(() => {\n"use strict";', *map(text_of, scripts), "})();"]),
        "style": "\n".join(map(text_of, styles)),
        "live": live.replace("<", "\\u003c"),  # nothing in it can end its element
    }


def text_of(file: Path) -> str:
    """The text of a file."""
    return file.read_text("utf-8")


def markdown() -> MarkdownIt:
    """CommonMark with tables, formulas as MathML, and anchors for headings."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.use(dollarmath_plugin, renderer=mathml, double_inline=True)
    return parser.use(anchors_plugin, max_level=3)


def mathml(formula: str, options: dict[str, Any]) -> str:
    """A formula as MathML, which browsers show without a library."""
    return str(
        latex2mathml.converter.convert(formula, display="block" if options["display_mode"] else "inline")
    )
