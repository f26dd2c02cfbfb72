"""The table at the end of a training run: every number once, in words, beside what it compares to."""

import pytest

from jlml.cli.trained import distinct, sign_between, table_of, yardsticks_of
from jlml.runs import build_data


def metrics(**values):
    return {f"{split}/{name}": value for split in ("val", "test") for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ({"loss": 200.0, "nll": 200.0, "mse": 0.05, "bce": 200.00001}, ["loss = nll = bce", "mse"]),
        (
            {"loss": 205.0, "nll": 200.0, "beta_kl": 5.0, "kl": 5.0, "elbo": -205.0},
            ["loss = -elbo", "nll", "kl = beta_kl"],
        ),
        ({"loss": 220.0, "nll": 200.0, "beta_kl": 20.0, "kl": 5.0}, ["loss", "nll", "kl", "beta_kl"]),
        ({"nll": 0.05, "mse": 0.05}, ["nll", "mse"]),  # other units
        ({"loss": 5.0, "mine": 5.0, "other": 6.0}, ["loss = mine", "other"]),
    ],
)
def test_equal_numbers_share_a_row(values, rows):
    assert [" = ".join(names) for names in distinct(metrics(**values))] == rows


def test_numbers_that_differ_in_one_split_have_rows_of_their_own():
    values = metrics(loss=200.0, nll=200.0) | {"test/nll": 201.0}
    assert distinct(values) == [["loss"], ["nll"]]
    assert sign_between([1.0, None], [1.0, 2.0]) == 0


def test_the_mse_of_simpler_models_is_below_that_of_the_run():
    table = table_of(metrics(loss=5.0, mse=0.03), {"PCA, 2 dims": 0.05567, "mean image": 0.0675}, "")
    texts = [[cell.text for cell in row[:3]] for row in table.rows]
    assert texts[1:] == [
        ["mse", "0.03000", "0.03000"],
        ["  PCA, 2 dims", "", "0.05567"],
        ["  mean image", "", "0.06750"],
    ]


def test_the_simpler_models_have_the_scores_of_the_evaluation(runs, evaluated):
    data = build_data(runs["ae"].config())
    data.setup()
    found = yardsticks_of(data, 2)
    scores = evaluated("ae", "parts=[baselines]").parts["baselines"]["metrics"]
    assert found == {
        "PCA, 2 dims": pytest.approx(scores["pca/mse"]["value"], rel=1e-5),
        "mean image": pytest.approx(scores["mean_image/mse"]["value"], rel=1e-5),
    }
    assert set(yardsticks_of(data, 301)) == {"mean image"}  # no PCA with more dims than images
