"""Means over seeds, and which differences are larger than the noise."""

import pytest
from scipy.stats import ttest_ind

from jlml.comparison.quantities import formatted
from jlml.comparison.spread import Spread, best_of


@pytest.mark.parametrize(
    ("groups", "best"),
    [
        ([[1.0, 1.1, 0.9], [2.0, 2.1, 1.9], [3.0, 3.1, 2.9]], 0),
        ([[2.0, 2.1, 1.9], [1.0, 1.1, 0.9]], 1),
        ([[1.0, 1.4, 0.6], [1.2, 1.6, 0.8]], None),  # within the noise
        ([[1.0, 1.1, 0.9], [1.05, 1.0, 1.1], [3.0, 3.1, 2.9]], None),  # better than only one of the others
        ([[1.0], [2.0]], None),  # the noise is unknown
        ([[1.0, 1.1], [2.0]], None),
        ([[1.0, 1.0], [2.0, 2.0]], 0),  # no noise
        ([[1.0, 1.0], [1.0, 1.0]], None),
        ([[1.0, 1.1, 0.9]], None),
    ],
)
def test_a_group_is_best_only_if_its_lead_exceeds_the_noise(groups, best):
    spreads = [Spread(values) for values in groups]
    assert best_of(spreads, "val/mse") == best
    assert best_of(spreads, "likelihood/rate") is None  # neither direction is better
    if best is not None and len(groups[0]) > 2:
        others = [values for index, values in enumerate(groups) if index != best]
        assert all(ttest_ind(groups[best], values, equal_var=False).pvalue < 0.05 for values in others)


def test_with_a_missing_value_no_group_is_best_and_the_count_is_shown():
    incomplete = Spread([0.1, 0.101], runs=3)
    assert incomplete.formatted("mse") == "0.10050 ± 0.00071 (2 of 3)"
    assert best_of([incomplete, Spread([0.2, 0.201])], "mse") is None


def test_values_are_formatted_with_the_digits_of_their_quantity():
    assert formatted(0.041671, "val/mse") == "0.04167"
    assert formatted(101.236, "test/elbo", 0.1234) == "101.24 ± 0.12"
    assert formatted(3.14159, "val/a_term_of_your_own") == "3.14"
    assert formatted(float("nan"), "val/mse") == "not finite"
    assert formatted(None, "val/mse") == ""
