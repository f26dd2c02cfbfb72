"""Which level of a factor is better: against SciPy's tests, and by simulation."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from jlml.comparison.decisions import Sample, decide, decisions_about, holm
from jlml.comparison.group_tables import best_of
from jlml.comparison.groups import Group


@dataclass
class Numbers:
    metrics: dict[str, float]


def samples_of(values, seeds=None):
    """A sample for each model and latent dim, from an array (2 models, 2 dims, seeds)."""
    seeds = seeds or {"ae": range(values.shape[2]), "vae": range(values.shape[2])}
    return [
        Sample({"model": model, "dim": str(2 + i)}, dict(zip(seeds[model], map(float, row[i]), strict=True)))
        for model, row in zip(("ae", "vae"), values, strict=True)
        for i in range(row.shape[0])
    ]


def test_a_difference_is_tested_over_seeds_after_averaging_over_the_other_factor():
    values = np.random.default_rng(0).normal(size=(2, 2, 4))
    by_factor = {each.factor: each for each in decide(samples_of(values), "mse")}
    ae, vae = values.mean(1)
    expected = ttest_rel(ae, vae)
    average = by_factor["model"].average
    assert average.test.pvalue == pytest.approx(expected.pvalue)
    assert average.advantage == pytest.approx(abs(ae.mean() - vae.mean()))
    settings = sorted(each.test.pvalue for each in by_factor["model"].by_setting)
    assert settings == pytest.approx(sorted(ttest_rel(*values[:, dim]).pvalue for dim in (0, 1)))
    other_seeds = {"ae": range(4), "vae": range(10, 14)}
    unpaired = decide(samples_of(values, other_seeds), "mse")[0].average
    assert unpaired.test.pvalue == pytest.approx(ttest_ind(ae, vae, equal_var=False).pvalue)


def test_p_values_are_those_of_holm_and_intervals_agree_with_them():
    """The first line is the known example of R's p.adjust."""
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert [p for p, _ in holm(p_values, [1, 1, 1, 1])] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [p for p, _ in holm([0.01, 0.01], [1, 0.25])] == pytest.approx([0.0125, 0.0125])
    rng = np.random.default_rng(1)
    for _ in range(20):
        values = rng.normal(scale=0.3, size=(2, 2, 4)) + np.array([[[0], [1]]])
        for decision in decide(samples_of(values), "mse"):
            for each in (decision.average, *decision.by_setting):
                assert (each.margin < abs(each.advantage)) == each.is_decided


def test_without_a_difference_hardly_any_family_has_a_decision():
    """The seeds have an effect on all groups, and the noise of the groups differs by orders of magnitude."""
    rng, families, wrong = np.random.default_rng(2), 150, 0
    for _ in range(families):
        noise = rng.lognormal(size=(2, 2, 1))
        decisions = decide(samples_of(rng.normal(size=3) + noise * rng.normal(size=(2, 2, 3))), "mse")
        wrong += any(d.is_decided for each in decisions for d in (each.average, *each.by_setting))
    assert wrong / families < 0.05 + 2 * np.sqrt(0.05 * 0.95 / families)


def test_a_real_difference_is_found_and_its_interval_contains_the_truth():
    rng, found, covered = np.random.default_rng(3), 0, 0
    for _ in range(50):
        values = rng.normal(size=3) + 0.1 * rng.normal(size=(2, 2, 3)) + np.array([[[0.0]], [[3.0]]])
        decision = decide(samples_of(values), "mse")[0]
        found += decision.level == "ae" and decision.average.is_better
        covered += abs(decision.average.advantage - 3) < decision.average.margin
    assert found > 45
    assert covered > 45


def test_nothing_is_decided_with_one_seed_or_with_a_missing_value():
    one_seed = [Sample({"model": name}, {0: value}) for name, value in (("ae", 1.0), ("vae", 2.0))]
    missing = [Sample({"model": "ae"}, {0: 1.0, 1: 1.0}, False), Sample({"model": "vae"}, {0: 2.0, 1: 2.0})]
    for samples in (one_seed, missing):
        (decision,) = decide(samples, "mse")
        assert (decision.level, decision.average.advantage) == ("ae", 1.0)
        assert not decision.average.is_decided


def test_a_factor_that_one_level_does_not_have_does_not_prevent_comparing():
    """An autoencoder has no beta, so it compares with a VAE of any beta."""
    kinds = [{"model": "ae"}, {"model": "vae", "beta": "1"}, {"model": "vae", "beta": "4"}]
    samples = [Sample(levels, {0: place, 1: place + 0.1}) for place, levels in enumerate(kinds)]
    decisions = decide(samples, "mse")
    assert [(each.factor, each.level, each.other) for each in decisions] == [
        ("model", "ae", "vae"),
        ("beta", "1", "4"),
    ]
    assert decisions[0].average.advantage == pytest.approx(1.5)


def test_groups_that_differ_in_several_factors_at_once_are_compared_as_a_whole():
    groups = [
        Group(
            label,
            [Numbers({"mse": value}) for value in values],
            {"model": label[:2], "loss": label[3:]},
            (0, 1),
        )
        for label, values in (("ae mse", (0.1, 0.1001)), ("va bce", (0.2, 0.2001)))
    ]
    (decision,) = decisions_about(groups, "mse")
    assert (decision.factor, decision.level, decision.other) == ("", "ae mse", "va bce")
    assert best_of(groups, "mse") == 0


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ({"ae": [1.0, 1.1, 0.9], "vae": [2.0, 2.1, 1.91], "conv": [3.0, 3.1, 2.9]}, "ae"),
        ({"ae": [1.0, 1.4, 0.6], "vae": [1.2, 1.2, 0.8]}, None),  # within the noise
        ({"ae": [1.0, 1.1, 0.9], "vae": [1.05, 1.0, 1.1], "conv": [3.0, 3.1, 2.9]}, None),  # beats one only
        ({"ae": [1.0], "vae": [2.0]}, None),  # the noise is unknown
        ({"ae": [1.0, 1.0], "vae": [2.0, 2.0]}, "ae"),  # no noise
        ({"ae": [1.0, 1.0], "vae": [1.0, 1.0]}, None),
        ({"ae": [1.0, 1.1, 0.9]}, None),
    ],
)
def test_a_group_is_bold_only_if_it_is_decided_to_be_the_best(values, best):
    groups = [
        Group(
            name,
            [Numbers({"mse": value, "kl": value}) for value in some],
            {"model": name},
            (0, 1, 2)[: len(some)],
        )
        for name, some in values.items()
    ]
    assert best_of(groups, "mse") == (None if best is None else list(values).index(best))
    assert best_of(groups, "kl") is None  # neither direction is better


def test_with_several_factors_a_bold_group_has_the_better_level_of_each():
    groups = [
        Group(
            f"{model} {dim}",
            [
                Numbers({"mse": 1.0 * (model == "vae") + 0.1 * (dim == "2") + 0.001 * seed})
                for seed in range(3)
            ],
            {"model": model, "dim": dim},
            (0, 1, 2),
        )
        for model, dim in product(("ae", "vae"), ("2", "8"))
    ]
    assert groups[best_of(groups, "mse")].label == "ae 8"
