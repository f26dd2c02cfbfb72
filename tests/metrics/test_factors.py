"""Disentanglement: known codes have known information gaps."""

import pytest
import torch

from jlml.metrics.factors import binned, information_gaps, is_class, mutual_information, squared_errors

GENERATOR = torch.Generator().manual_seed(0)
FACTORS = torch.rand((20_000, 2), generator=GENERATOR)


def gap(codes, factors=FACTORS):
    return information_gaps(mutual_information(codes, factors))


def test_one_dimension_per_factor_has_a_gap_of_one():
    noise = torch.rand((20_000, 1), generator=GENERATOR)
    codes = torch.cat([5 - 2 * FACTORS, noise], 1)  # scale and sign do not matter
    shares = mutual_information(codes, FACTORS)
    assert torch.allclose(shares[:2], torch.eye(2, dtype=torch.float64), atol=0.01)
    assert shares[2].max() < 0.01
    assert gap(codes).mean() > 0.98


def test_a_factor_in_two_dimensions_or_in_none_has_no_gap():
    assert gap(FACTORS[:, [0, 0, 1]])[0] == 0
    assert gap(torch.rand((20_000, 3), generator=GENERATOR)).max() < 0.01
    angle = torch.pi / 4  # both dimensions know as much about each factor
    turned = FACTORS @ torch.tensor([[1.0, 1.0], [1.0, -1.0]]) * angle
    assert gap(turned).max() < 0.02


def test_the_information_of_classes_is_theirs_exactly():
    classes = torch.arange(3).repeat(1000).float()[:, None]
    assert mutual_information(classes, classes).item() == pytest.approx(1)
    assert gap(classes, classes).item() == pytest.approx(1)  # without a second dimension
    assert mutual_information(classes, torch.ones_like(classes)).item() == 0
    assert binned(torch.linspace(0, 1, 1000)).bincount().tolist() == [50] * 20


def test_classes_and_numbers_are_told_apart():
    assert is_class(torch.tensor([0.0, 2.0, 1.0]))
    assert not is_class(torch.tensor([0.0, 0.5]))
    assert not is_class(torch.arange(50.0))


def test_regressions_explain_what_they_can():
    codes = torch.randn((2000, 3), generator=GENERATOR)
    linear, square = codes[:, 0] * 2 + 1, codes[:, 1] ** 2
    for factor, least, most in ((linear, 0, 1e-6), (square, 0.9, 1.1)):
        missed = squared_errors(codes[:1500], factor[:1500], codes[1500:], factor[1500:])
        assert least <= missed["linear"].mean() <= most
        assert missed["knn"].mean() < 0.4
