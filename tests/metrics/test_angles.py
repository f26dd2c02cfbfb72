"""Angles between vectors and between subspaces, against constructed ones."""

import math

import pytest
import torch

from jlml.metrics.angles import angles_between, principal_angles


def rotated(dims, angles):
    """The first vectors of a basis, each turned by an angle into a direction of its own."""
    count = len(angles)
    vectors = torch.zeros(count, dims, dtype=torch.float64)
    for n, angle in enumerate(angles):
        vectors[n, n], vectors[n, count + n] = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return vectors


def test_principal_angles_are_those_by_which_a_space_was_turned_whatever_vectors_span_it():
    generator = torch.Generator().manual_seed(0)
    turns = [60.0, 12.0, 1e-3]
    one, other = rotated(9, [0.0] * 3), rotated(9, turns)
    mixed = [torch.randn(3, 3, dtype=torch.float64, generator=generator) @ some for some in (one, other)]
    basis, _ = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64, generator=generator))
    found = principal_angles(mixed[0] @ basis, mixed[1] @ basis)
    assert found.tolist() == pytest.approx(turns, rel=1e-6, abs=1e-6)


def test_angles_between_vectors_ignore_their_length_and_sign():
    angles = angles_between(torch.tensor([[1.0, 0.0], [-3.0, 3.0], [0.0, 0.1], [-2.0, 2e-6]]).double())
    expected = torch.tensor([[0, 45, 90, 5.7e-5], [45, 0, 45, 45], [90, 45, 0, 90], [5.7e-5, 45, 90, 0]])
    torch.testing.assert_close(angles, expected.double(), rtol=1e-4, atol=1e-6)
