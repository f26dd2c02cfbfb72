"""The article: its numbers carry its claims, its page builds without training, its live figures work."""

import math
import re
import sys
from itertools import product
from pathlib import Path

import pytest
import torch

from conftest import ROOT, run
from jlml.config import check, compose, plain
from jlml.evaluation.parts import PARTS
from jlml.losses import continuous_bernoulli

ARTICLE = ROOT / "docs/article"
sys.path.insert(0, str(ARTICLE))

from page import GROUPS, METRICS, scripts_of, written  # noqa: E402
from results import KEPT, Number, close, collected, lower, stored  # noqa: E402
from runs import sweeps  # noqa: E402


@pytest.fixture(scope="module")
def page():
    return written(stored(ARTICLE / "results.json"), ARTICLE / "figures", ARTICLE / "live.json")


def test_the_stored_numbers_carry_every_claim_of_the_text(page):
    _, text = page
    assert text.failed == []
    assert text.results.data == "mnist"


def test_the_page_loads_nothing_and_every_figure_has_a_picture_and_a_description(page):
    html, _ = page
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html)
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) >= 15
    for figure in figures:
        assert re.search(r'<img src="data:image/png[^"]+" alt="[^"*]{20,}"', figure), figure[:300]
        assert "<figcaption>" in figure
    assert "$" not in re.sub(
        r"<(pre|script|style|code).*?</\1>", "", html, flags=re.DOTALL
    )  # all formulas are read


def test_what_the_text_says_of_the_continuous_bernoulli_is_computed():
    """The constants that are typed because no run measures them."""
    text = " ".join((ROOT / "docs/article.md").read_text().split())

    def mean(value: float) -> float:
        return float(continuous_bernoulli.mean(torch.tensor(value, dtype=torch.float64).logit()))

    assert f"$\\lambda = 0.01$ has the mean {mean(0.01):.3f}" in text
    assert f"0.207 is $\\lambda = 0.207$, whose mean is {mean(0.207):.3f}" in text
    assert f"kept above 0.0001, as in the paper, and there the mean is {mean(0.0001):.3f}" in text
    assert f"a mean of {mean(1e-44):.2f} needs a lambda of about $10^{{-44}}$" in text
    logits = continuous_bernoulli.logits_of_mean(torch.tensor([0.2], dtype=torch.float64))
    bernoulli, here = 0.2 * (1 - 0.2), float(continuous_bernoulli.variance(logits))
    assert f"variance of a Bernoulli is {bernoulli:.2f}, that of a continuous Bernoulli {here:.3f}" in text
    squared = compose("loss=mse").loss.scale ** 2
    costs = f"the continuous Bernoulli (variance {here:.3f}) and the squared error ({squared:.2f})"
    assert f"{costs} about as many nats of code as the Bernoulli at $\\beta = 1$ ({bernoulli:.2f})" in text
    assert f"{math.log(2):.2f} nats for a pixel of 0.5" in text


def test_nothing_in_the_data_of_live_figures_can_end_their_element():
    assert "<" not in scripts_of('"</script>"')["live"]


def test_the_stored_files_are_small():
    assert all(file.stat().st_size < 300_000 for file in (ARTICLE / "figures").glob("*.png"))
    assert (ARTICLE / "results.json").stat().st_size < 500_000
    assert (ARTICLE / "live.json").stat().st_size < 1_400_000  # a megabyte in base64


def test_every_metric_that_the_text_can_name_is_kept():
    assert all(KEPT.fullmatch(metric) for metric in METRICS.values())
    assert len(set(GROUPS)) == len(GROUPS)


def number(*values, metric="reconstruction/mse"):
    return Number(metric, dict(enumerate(values)))


def test_a_difference_counts_only_if_it_is_larger_than_the_noise_of_the_seeds():
    assert lower(number(1.0, 1.1, 0.9), number(2.0, 2.2, 1.9))
    assert not lower(number(1.0, 2.0, 3.0), number(1.1, 2.5, 2.9))  # by .07 on average, noise of .3
    assert lower(number(1.0, 2.0, 3.0), number(1.1, 2.1, 3.11))  # paired: the same seeds are above by .1
    assert not lower(number(1.0), number(2.0))  # one seed decides nothing
    assert close(number(1.0, 1.01, 0.99), number(1.0, 1.0, 1.0), 0.1)
    assert not close(number(1.0, 1.3, 0.7), number(1.0, 1.0, 1.0), 0.1)
    assert lower(number(0.01, 0.02, 0.01), 0.1)


def test_numbers_are_written_with_their_unit_and_deviation():
    assert str(number(0.0361, 0.0364, 0.0358)) == "0.03610 ± 0.00030"
    assert str(number(0.5, 0.52, 0.54, metric="codes/knn_5")) == "52.0 ± 2.0 %"
    assert str(number(0.5, metric="codes/knn_5")) == "50.0 %"


def test_the_numbers_of_a_sweep_are_collected_by_group_and_seed(tmp_path):
    job = tmp_path / "losses" / "seed-1_model-ae_wide" / "evaluation"
    job.mkdir(parents=True)
    (tmp_path / "losses/sweep.yaml").write_text(
        "jobs:\n  seed-1_model-ae_wide: {seed: '1', model: ae_wide, data.path: /a/warped_0.1.npz}\n"
    )
    (job / "metrics.json").write_text(
        '{"parts": {"codes": {"metrics": {"knn_5": {"value": 0.5}, "other": {"value": 1.0}}}}}'
    )
    assert collected(tmp_path) == {"losses model=ae_wide data.path=warped_0.1": {"codes/knn_5": {"1": 0.5}}}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_live_figure_can_be_operated(page, visit, tmp_path, width, colours):
    html, _ = page
    (tmp_path / "index.html").write_text(html)
    tab = visit(tmp_path / "index.html", size=(width, 900), color_scheme=colours)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width  # nothing scrolls sideways

    def pixels(selector: str) -> str:
        return tab.eval_on_selector(selector, "canvas => canvas.toDataURL()")

    def changes(selector: str, act) -> None:
        before = pixels(selector)
        act()
        tab.wait_for_timeout(100)
        assert pixels(selector) != before, selector

    def slide(figure: str, value: str) -> None:
        tab.eval_on_selector(
            f'[data-live="{figure}"] input',
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )

    maps = tab.locator('[data-live="planes"] canvas.map')
    maps.first.scroll_into_view_if_needed()
    for n in range(2):
        picture = f'[data-live="planes"] .panel:nth-child({n + 1}) canvas.picture'
        changes(picture, lambda n=n: maps.nth(n).hover(position={"x": 40, "y": 60}))
        changes(picture, lambda n=n: maps.nth(n).press("ArrowRight") or maps.nth(n).press("ArrowUp"))
    changes('[data-live="between"] canvas', lambda: slide("between", "0.9"))
    changes('[data-live="between"] canvas', lambda: tab.click('[data-live="between"] button'))
    changes('[data-live="losses"] canvas', lambda: slide("losses", "0.8"))
    changes('[data-live="beta"] canvas.picture', lambda: slide("beta", "6"))
    changes('[data-live="film"] canvas', lambda: slide("film", "0"))
    tab.click('[data-live="film"] button')
    tab.wait_for_timeout(700)
    assert "step" in tab.inner_text('[data-live="film"] output')
    assert tab.eval_on_selector('[data-live="film"] input', "input => Number(input.value)") >= 1
    assert not tab.locator("figure.is-live img").first.is_visible()


@pytest.mark.parametrize("data", ["mnist", "mnist_5k"])
def test_every_sweep_of_the_article_composes_and_its_groups_are_those_of_the_text(data, tmp_path):
    groups = set()
    for sweep in sweeps(data, tmp_path, None):
        fixed = ("hydra/launcher=joblib",)
        values = {text.split("=", 1)[0]: text.split("=", 1)[1] for text in sweep.train if text not in fixed}
        lists = {key: text.split(",") for key, text in values.items() if "," in text and "[" not in text}
        jobs = [dict(zip(lists, job, strict=True)) for job in product(*lists.values())]
        for job in (jobs[0], jobs[-1]):
            check(plain(compose(*(f"{key}={value}" for key, value in (values | job).items()))))
        for job in jobs:
            shown = {key: Path(value).stem if "/" in value else value for key, value in job.items()}
            groups.add(" ".join([sweep.name, *(f"{key}={shown[key]}" for key in job if key != "seed")]))
        parts = next(text for text in sweep.evaluate if text.startswith("parts="))[7:-1].split(",")
        assert set(parts) <= set(PARTS)
        assert data == "mnist" or "data.subset" not in values  # there are 4,000 training images
        assert ("read_as=cont_bern" in sweep.evaluate) == ("read_as" in parts)
    assert set(GROUPS.values()) - {"contrast"} <= groups


def test_the_command_writes_the_page_from_the_stored_results(tmp_path):
    done = run("docs/article/make.py", "--stored", "--outputs", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Article  {tmp_path / 'index.html'}" in done.stdout
    assert "<title>What two numbers keep" in (tmp_path / "index.html").read_text()
