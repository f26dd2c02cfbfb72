"""Decisions in sentences, from invented runs."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from jlml.comparison.decision_table import decision_table, decisions_csv
from jlml.comparison.decisions import decisions_about
from jlml.comparison.factors import factors_of
from jlml.comparison.groups import Group
from jlml.comparison.sentences import sentences
from jlml.config import compose, plain


@dataclass
class Numbers:
    metrics: dict[str, float]


def groups_of(mean, seeds=3):
    """A group for each model and latent dim, with a little noise of the seeds."""
    noise = np.random.default_rng(0).normal(scale=1e-5, size=(4, seeds))
    return [
        Group(
            f"{model} {dim}",
            [Numbers({"mse": mean(model, dim) + noise[place, seed]}) for seed in range(seeds)],
            {"model": model, "latent.dim": dim},
            range(seeds),
        )
        for place, (model, dim) in enumerate(product(("ae", "vae"), ("2", "8")))
    ]


def said(mean, seeds=3):
    return sentences(decisions_about(groups_of(mean, seeds), "mse"))


def test_a_sentence_has_the_decision_the_numbers_and_the_settings():
    first, last = said(lambda _, dim: 0.0372 if dim == "2" else 0.0120)
    assert first.startswith(
        "Latent dim 8 reconstructs better than 2 (MSE 0.01200 against 0.03720, difference "
    )
    assert first.endswith("3 seeds, for both models).")
    names = last.removeprefix("Not decided: ").removesuffix(" in MSE (0.02460 against 0.02460).")
    assert names in ("ae or vae", "vae or ae")


def test_a_difference_that_depends_on_another_factor_is_said_for_each_of_its_levels():
    both = said(lambda model, dim: 0.02 if (model == "ae") == (dim == "8") else 0.03)
    (dims,) = [sentence for sentence in both if "atent dim" in sentence.partition(":")[0]]
    assert "which one reconstructs better (MSE) depends: " in dims
    assert "8 with ae (difference 0.0" in dims
    assert "2 with vae (difference 0.0" in dims
    partly = said(
        lambda model, dim: {"ae 2": 0.03, "ae 8": 0.01, "vae 8": 0.0202}.get(f"{model} {dim}", 0.02)
    )
    assert any("8 reconstructs better than 2" in each and "but not with vae" in each for each in partly)


def test_with_one_seed_differences_are_observed_and_nothing_is_better():
    why, *observed = said(lambda _, dim: 0.0372 if dim == "2" else 0.0120, seeds=1)
    assert why.startswith("One seed each: nothing can be decided.")
    assert any("latent dim 8 against 2: MSE 0.0120" in sentence for sentence in observed)
    assert not any("better" in sentence for sentence in [why, *observed])


def test_the_best_of_several_levels_is_better_than_every_other():
    levels = {"2": 0.04, "8": 0.02, "16": 0.01}
    groups = [
        Group(
            dim,
            [Numbers({"mse": mean + noise}) for noise in (0, 1e-5, -1e-5 * place)],
            {"latent": f"d{dim}"},
            (0, 1, 2),
        )
        for place, (dim, mean) in enumerate(levels.items())
    ]
    first, second = sentences(decisions_about(groups, "mse"))
    assert first.startswith("Latent dim 16 reconstructs better than every other: 2 (MSE")
    assert second.startswith("Latent dim 8 reconstructs better than 2 (MSE")
    short = sentences(decisions_about(groups, "mse"), most=1)
    assert short == ["2 further results are in the table of all comparisons."]


def test_table_and_csv_have_every_comparison():
    decisions = decisions_about(groups_of(lambda _, dim: 0.04 if dim == "2" else 0.02), "mse")
    rows = {row[0].text: [cell.text for cell in row] for row in decision_table(decisions).rows}
    assert rows["latent dim 8 against 2"][-3:] == ["2 of 2", "< .001", "yes"]
    assert len(decisions_csv(decisions).splitlines()) == 1 + 2 * (1 + 2)


def test_factors_are_choices_and_keys_and_keys_that_change_together_are_one():
    def levels(*several):
        return factors_of([plain(compose(*overrides.split())) for overrides in several])

    assert levels("model=ae latent=d2", "model=vae latent=d8", "model=vae latent=d2") == [
        {"model": "ae", "latent.dim": "2"},
        {"model": "vae", "latent.dim": "8"},
        {"model": "vae", "latent.dim": "2"},
    ]
    assert levels("model=ae", "model=vae", "model=vae model.beta=4") == [
        {"model": "ae"},
        {"model": "vae", "model.beta": "1.0"},
        {"model": "vae", "model.beta": "4"},
    ]
    assert levels("model=ae loss=mse", "model=vae loss=bce") == [
        {"model and loss": "ae with loss mse"},
        {"model and loss": "vae with loss bce"},
    ]
    own = "loss=mse loss._target_=mine.Laplace"
    assert levels("loss=mse", own) == [{"loss": "mse"}, {"loss": "Laplace"}]
