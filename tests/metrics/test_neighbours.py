"""Neighbourhood scores against scikit-learn and calculations by hand."""

import pytest
import torch
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from jlml.metrics.neighbours import knn_correct, trustworthiness_and_continuity


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_and_continuity_equal_scikit_learn(k):
    """777 points give a smaller last chunk. Far from the origin, float32 could not tell neighbours apart."""
    points = draws(777, 20) + 100
    codes = points[:, :2] + 0.3 * draws(777, 2, seed=1)
    trust, continuity = trustworthiness_and_continuity(points, codes, k)
    expected = trustworthiness(points.double().numpy(), codes.double().numpy(), n_neighbors=k)
    assert trust.mean().item() == pytest.approx(expected, abs=1e-12)
    expected = trustworthiness(codes.double().numpy(), points.double().numpy(), n_neighbors=k)
    assert continuity.mean().item() == pytest.approx(expected, abs=1e-12)


def test_codes_that_keep_all_neighbours_are_fully_trustworthy():
    points = draws(100, 3)
    for values in trustworthiness_and_continuity(points, 7 * points + 1, 12):
        torch.testing.assert_close(values, torch.ones(100, dtype=torch.float64))


def test_equal_distances_share_their_mean_rank():
    """A constant code gets about the score of a random one, one half, and not 1."""
    points = draws(400, 5)
    trust, continuity = trustworthiness_and_continuity(points, torch.zeros(400, 2), 12)
    assert continuity.mean().item() == pytest.approx(0.5, abs=0.03)
    assert trust.mean().item() == pytest.approx(0.5, abs=0.05)


def test_knn_equals_scikit_learn_including_ties():
    codes, queries = draws(300, 2), draws(100, 2, seed=1)
    labels = torch.arange(300) % 4
    truth = torch.arange(100) % 4
    correct = knn_correct(codes, labels, queries, truth, (1, 2, 15))
    for k, right in correct.items():
        classifier = KNeighborsClassifier(k).fit(codes.numpy(), labels.numpy())
        assert (right.numpy() == (classifier.predict(queries.numpy()) == truth.numpy())).all()


def test_in_leave_one_out_a_code_does_not_vote_for_itself():
    codes = torch.tensor([[0.0], [0.1], [10.0], [10.1]])
    assert knn_correct(codes, torch.tensor([0, 0, 1, 1]), None, None, (1,))[1].all()
    assert not knn_correct(codes, torch.tensor([0, 1, 0, 1]), None, None, (1,))[1].any()
