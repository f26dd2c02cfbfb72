"""Means over seeds, and how numbers are shown."""

from jlml.comparison.quantities import difference_in_words, formatted, label_of, value_in_words
from jlml.comparison.spread import Spread


def test_a_missing_value_is_shown_by_the_count():
    assert Spread([0.1, 0.101], runs=3).formatted("mse") == "0.10050 ± 0.00071 (2 of 3)"


def test_values_are_formatted_with_the_digits_of_their_quantity():
    assert formatted(0.041671, "val/mse") == "0.04167"
    assert formatted(101.236, "test/elbo", 0.1234) == "101.24 ± 0.12"
    assert formatted(3.14159, "val/a_term_of_your_own") == "3.14"
    assert formatted(float("nan"), "val/mse") == "not finite"
    assert formatted(None, "val/mse") == ""


def test_in_sentences_fractions_are_percent_and_samples_have_their_sampler():
    assert value_in_words(0.8716, "codes/knn_5") == "87.2 %"
    assert value_in_words(0.041671, "val/mse") == "0.04167"
    assert difference_in_words(0.0314, 0.0051, "codes/knn_5") == "3.1 ± 0.5 points"
    assert label_of("generation/mixture_shown/frechet_distance") == "Frechet distance (mixture)"
