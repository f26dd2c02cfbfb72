"""The results of a sweep, grouped and drawn, against numbers calculated by hand."""

import csv
import io
from functools import cache

import numpy as np
import pytest

from jlml.config import compose, plain
from jlml.sweeps.answer import answer_from
from jlml.sweeps.axes import roles_of, ticks_of
from jlml.sweeps.folder import Result, ranked, results_csv


def result(mse, *, status="finished", **factors):
    metrics = {"val/mse": mse, "test/mse": 2 * mse, "test/loss": 3 * mse, "test/nll": 4 * mse}
    record = {"status": status, **({"metrics": metrics} if status == "finished" else {})}
    factors = {key.replace("__", "."): str(value) for key, value in factors.items()}
    return Result("_".join(factors.values()), factors, record, {})


@cache
def composed(*overrides):
    return plain(compose(*overrides))


def answer_of(results):
    relevant = ("model", "loss", "data.pixels")  # keys in which the configs of these results can differ
    overrides = {
        each.job: [f"{key}={value}" for key, value in each.factors.items() if key in relevant]
        for each in results
    }
    return answer_from(results, lambda job: composed(*overrides[job]))


def test_the_csv_has_means_and_standard_deviations_over_seeds():
    results = [
        result(mse, model=m, seed=s) for m, s, mse in [("ae", 0, 0.1), ("ae", 1, 0.3), ("vae", 0, 0.5)]
    ]
    results.append(result(9, model="vae", seed=1, status="failed"))
    answer = answer_of(results)
    assert list(answer.groups) == [("ae",), ("vae",)]
    rows = list(csv.DictReader(io.StringIO(answer.csv())))
    found = {(row["model"], row["metric"]): row for row in rows}
    assert float(found["ae", "test/mse"]["mean"]) == pytest.approx(0.4)
    assert float(found["ae", "test/mse"]["standard_deviation"]) == pytest.approx(np.std([0.2, 0.6], ddof=1))
    assert found["vae", "test/mse"]["standard_deviation"] == ""
    assert found["vae", "test/nll"]["seeds"] == "1"
    assert answer.sentences[-1].startswith("1 failed job left out.")


def test_only_comparable_metrics_are_shown():
    assert "test/loss" in answer_of([result(1, latent="d2"), result(1, latent="d8")]).metrics
    assert "test/nll" not in answer_of([result(1, loss="mse"), result(1, loss="bce")]).metrics
    models = answer_of([result(1, model="ae"), result(1, model="vae")]).metrics
    assert "test/nll" in models
    assert "test/loss" not in models  # the loss of a VAE includes its KL
    images = answer_of([result(1, data__pixels="grey"), result(2, data__pixels="binarized")])
    assert images.metrics == ["test/mse"]
    assert "no metric compares across data.pixels (grey, binarized)" in images.warning


def test_mse_of_the_mean_is_named_as_such_where_lambda_is_shown():
    def last_sentence(*losses):
        results = [result(0.1 * n, loss=loss, seed=s) for n, loss in enumerate(losses, 1) for s in (0, 1)]
        return answer_of(results).sentences[-1]

    assert last_sentence("bce", "cont_bern").startswith("MSE and BCE are here of the mean")
    assert "of the mean" not in last_sentence("bce", "mse")


def test_a_group_is_bold_only_if_its_lead_exceeds_the_noise_over_seeds():
    def bold(ae, vae):
        results = [result(mse, model="ae", seed=s) for s, mse in enumerate(ae)]
        results += [result(mse, model="vae", seed=s) for s, mse in enumerate(vae)]
        return [[cell.text for cell in row if cell.bold] != [] for row in answer_of(results).table().rows]

    assert bold([0.10, 0.11, 0.12], [0.30, 0.31, 0.32]) == [True, False]
    assert bold([0.10, 0.30, 0.50], [0.20, 0.31, 0.52]) == [False, False]
    assert bold([0.1], [0.3]) == [False, False]


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        (
            {"model": ["ae", "vae"], "loss": ["mse", "bce"], "latent": ["d2", "d16"]},
            ("latent", "loss", "model"),
        ),
        ({"model": ["ae", "vae"]}, ("model", None, None)),
        ({"model.beta": ["1", "4", "8"], "latent.dim": ["2", "8"]}, ("latent.dim", "model.beta", None)),
        ({"optimizer.lr": ["1e-3", "1e-2"], "model": ["ae", "vae"]}, ("optimizer.lr", "model", None)),
    ],
)
def test_numbers_are_preferred_on_the_x_axis_and_the_latent_dim_most_of_all(factors, expected):
    assert roles_of(factors) == expected


def test_ticks_of_numbers_are_at_their_values_and_those_of_names_at_0_1_2():
    ticks = ticks_of("latent", ["d2", "d16"])
    assert (ticks.positions, ticks.labels, ticks.log) == ([2, 16], ["2", "16"], True)
    assert ticks_of("model", ["ae", "vae"]).positions == [0, 1]


def test_sweeps_over_four_factors_or_one_are_drawn_but_not_over_seeds_only():
    many = [
        result(0.1 * d + 0.01 * s, model=m, loss=x, latent=f"d{d}", optimizer__lr=lr, seed=s)
        for m in ("ae", "vae")
        for x in ("mse", "bce")
        for d in (2, 8)
        for lr in (0.1, 0.01)
        for s in (0, 1)
    ]
    assert answer_of(many).picture().std() > 0
    assert answer_of([result(1, loss="mse"), result(2, loss="bce")]).picture() is not None
    assert answer_of([result(1, seed=0), result(2, seed=1)]).picture() is None


def test_results_csv_has_every_job_and_the_ranking_only_finished_ones():
    results = [result(0.3, seed=0), result(0.1, seed=1), result(0, seed=2, status="failed")]
    rows = list(csv.DictReader(io.StringIO(results_csv(results))))
    assert [row["status"] for row in rows] == ["finished", "finished", "failed"]
    assert [r.factors["seed"] for r in ranked(results, "val/mse")] == ["1", "0"]
