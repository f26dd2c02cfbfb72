"""Standard errors of neighbour scores against their spread over independent repetitions."""

import pytest
import torch

from jlml.evaluation.feature_scores import overlap_scores
from jlml.evaluation.results import dependent_means
from jlml.metrics.dependence import design_effects
from jlml.metrics.neighbours import trustworthiness_and_continuity


def check_errors(values_of, draw, growth=1.0):
    """Compares the spread of the mean of each score over 60 draws with its mean standard error."""
    found = []
    for _ in range(60):
        sets = draw()
        found.append(dependent_means(values_of(*sets), design_effects(values_of, *sets, growth=growth)))
    for name in found[0]:
        spread = torch.tensor([scores[name].value for scores in found]).std()
        error = torch.tensor([scores[name].error for scores in found]).mean()
        assert float(error) == pytest.approx(float(spread), rel=0.3), name  # the spread is known to 9 %
    return found


def test_errors_of_precision_recall_density_and_coverage_equal_their_spread():
    """Heavy tails make a few balls large: with independent images, errors would be half as large."""
    generator = torch.Generator().manual_seed(0)

    def heavy_tails():
        normal, scale = torch.randn(200, 19, generator=generator).split([16, 3], dim=1)
        return normal / scale.square().mean(1, keepdim=True).sqrt()

    check_errors(
        overlap_scores,
        lambda: (heavy_tails(), heavy_tails() + 0.5),
        growth=2,
    )


@pytest.mark.robustness  # seconds; the other scores are tried by default
def test_errors_of_trustworthiness_and_continuity_equal_their_spread():
    generator = torch.Generator().manual_seed(0)

    def points_and_codes():
        points = torch.randn(200, 6, generator=generator)
        return points, points[:, :2] + 0.3 * torch.randn(200, 2, generator=generator)

    def scores_of(points, codes):
        trust, continuity = trustworthiness_and_continuity(points, codes)
        return {"trustworthiness": trust, "continuity": continuity}

    check_errors(scores_of, points_and_codes)


def test_the_design_effect_of_independent_values_is_1_and_of_one_common_value_their_number():
    """Kish 1965: 1 + (m - 1) rho for m values with correlation rho."""
    generator = torch.Generator().manual_seed(0)
    effects = [
        design_effects(lambda some: {"value": some}, torch.randn(400, generator=generator))["value"]
        for _ in range(50)
    ]
    assert sum(effects) / 50 == pytest.approx(1, abs=0.15)

    def shared(some):  # a tenth of the variance is common to a group
        common = torch.randn(1, generator=generator)
        return {"value": 0.9**0.5 * torch.randn(len(some), generator=generator) + 0.1**0.5 * common}

    effects = [design_effects(shared, torch.zeros(400))["value"] for _ in range(50)]
    assert sum(effects) / 50 == pytest.approx(1 + 100 * 0.1 / 0.9, rel=0.2)


def test_values_that_do_not_vary_have_no_error_and_few_images_an_unknown_one():
    def same(some):
        return {"value": torch.ones(len(some))}

    sets = torch.zeros(100)
    assert dependent_means(same(sets), design_effects(same, sets))["value"].error == 0
    few = torch.arange(99.0)
    assert (
        dependent_means({"value": few}, design_effects(lambda some: {"value": some}, few))["value"].error
        is None
    )
