"""Groups of runs: their labels, and their metrics as CSV."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import pytest

from jlml.comparison.group_tables import groups_csv
from jlml.comparison.groups import Group, labels_of
from jlml.config import compose, plain


@dataclass
class Numbers:
    metrics: dict[str, float]


def test_labels_add_the_keys_that_differ_within_one_model_loss_and_dim():
    configs = [
        plain(compose(*overrides))
        for overrides in (
            ["model=vae", "seed=1"],
            ["model=vae", "model.beta=4"],
            ["model=vae", "optimizer.lr=0.1", "model.beta=4"],
            ["model=ae"],
        )
    ]
    assert labels_of(configs) == [
        "vae cont_bern d2 model.beta=1.0 optimizer.lr=0.001",
        "vae cont_bern d2 model.beta=4 optimizer.lr=0.001",
        "vae cont_bern d2 model.beta=4 optimizer.lr=0.1",
        "ae cont_bern d2",
    ]


def test_a_name_stands_for_model_loss_and_latent_dim():
    overrides = (["name=first"], ["name=second", "model.beta=4"], ["name=second"])
    labels = labels_of([plain(compose(*each)) for each in overrides])
    assert labels == ["first", "second model.beta=4", "second model.beta=1.0"]


def test_a_name_that_all_experiments_share_is_left_out():
    overrides = (["name=leaves", "model=ae"], ["name=leaves", "model=vae"])
    labels = labels_of([plain(compose(*each)) for each in overrides])
    assert labels == ["ae cont_bern d2", "vae cont_bern d2"]


def test_a_class_of_the_users_own_has_its_name_instead_of_the_choice_that_it_replaces():
    overrides = (["loss=mse", "loss._target_=mine.Laplace"], ["loss=mse"])
    labels = labels_of([plain(compose(*each)) for each in overrides])
    assert labels == ["vae Laplace d2", "vae mse d2"]


def test_the_csv_has_mean_and_sample_standard_deviation_over_seeds():
    values = [0.1, 0.3, 0.8]
    groups = [
        Group("a", [Numbers({"test/mse": value}) for value in values] + [Numbers({})]),
        Group("b", [Numbers({"test/mse": 0.5, "test/nll": 2.0})]),
    ]
    text = groups_csv(groups, [{"loss": "mse, plain"}, {"loss": "bce"}])
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["loss"], first["metric"], first["seeds"]) == ("mse, plain", "test/mse", "3")
    assert float(first["mean"]) == pytest.approx(np.mean(values))
    assert float(first["standard_deviation"]) == pytest.approx(np.std(values, ddof=1))
    assert (second["better"], second["standard_deviation"]) == ("lower", "")
    assert (third["loss"], third["metric"]) == ("bce", "test/nll")
