"""t-SNE maps, from whichever library is installed, against scikit-learn."""

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness

from jlml.config.schema import Evaluate
from jlml.evaluation.parts.tsne import PERPLEXITY, embedded
from jlml.evaluation.subject import Subject
from jlml.metrics.neighbours import knn_correct


class Seeded(Subject):
    """A subject without a run, with only a seed."""

    def __init__(self):
        self.settings = Evaluate(seed=0)


def test_a_map_preserves_neighbours_and_classes_as_well_as_scikit_learn():
    images, labels = load_digits(return_X_y=True)
    points, classes = torch.from_numpy(images[:400]).float(), torch.from_numpy(labels[:400])
    reference = TSNE(perplexity=PERPLEXITY, random_state=0).fit_transform(points.numpy())
    maps = embedded(Seeded(), points), torch.from_numpy(reference)
    ours, theirs = (knn_correct(each, classes, None, None, [5])[5].float().mean() for each in maps)
    assert ours.item() == pytest.approx(theirs.item(), abs=0.03)
    ours, theirs = (trustworthiness(points.numpy(), each.numpy(), n_neighbors=12) for each in maps)
    assert ours == pytest.approx(theirs, abs=0.01)


def test_the_same_seed_gives_the_same_map():
    points = torch.randn(150, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(embedded(Seeded(), points), embedded(Seeded(), points))


@pytest.mark.parametrize("points", [torch.ones(150, 3), torch.arange(150.0)[:, None]])
def test_identical_and_one_dimensional_points_can_be_mapped(points):
    assert embedded(Seeded(), points).isfinite().all()
