"""Probes of what codes contain, on artificial codes with a known answer."""

import pytest
import torch

from jlml.metrics.probes import distance_correlations, linear_probe, silhouette


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_linear_probe_finds_linear_structure_only():
    codes, queries = draws(2000, 2), draws(1000, 2, seed=1)
    halves = [(points[:, 0] > 0).long() for points in (codes, queries)]
    assert linear_probe(codes, halves[0], queries, halves[1]).double().mean() > 0.98
    crossed = [(points.prod(1) > 0).long() for points in (codes, queries)]
    assert linear_probe(codes, crossed[0], queries, crossed[1]).double().mean() < 0.65


def test_scaled_distances_have_correlation_one_and_random_ones_about_zero():
    points = draws(1200, 5)
    assert distance_correlations(points, 3 * points).tolist() == pytest.approx([1, 1])
    assert abs(distance_correlations(points, draws(1200, 2, seed=1)).mean().item()) < 0.05
    assert len(distance_correlations(points[:90], points[:90])) == 1


def test_the_silhouette_of_two_tight_distant_classes_is_nearly_one():
    codes = torch.cat([draws(50, 2), draws(50, 2) + 1000])
    values = silhouette(codes, torch.arange(100) // 50)
    assert values.shape == (100,)
    assert values.min() > 0.99
