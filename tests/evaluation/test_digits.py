"""The digit classifier that ships with jlml."""

import pytest
import torch

from jlml.data.mnist import load, load_mnist_5k
from jlml.evaluation.digits import NAME, WEIGHTS, load_classifier
from jlml.evaluation.digits.train import accuracy, augmented, train


def test_it_recognises_the_mnist_test_set(mnist_root):
    source = load("mnist", mnist_root)
    assert accuracy(load_classifier(), source.test_images, source.test_labels) >= 0.993


def test_it_recognises_the_bundled_digits(data_root):
    source = load_mnist_5k(data_root)
    assert accuracy(load_classifier(), source.images[::5], source.labels[::5]) >= 0.993


def test_its_file_is_small_and_its_name_is_not_inception():
    assert WEIGHTS.stat().st_size < 1_000_000
    assert "jlml" in NAME
    assert "inception" not in NAME.lower()


def test_features_have_about_zero_mean_and_unit_standard_deviation(data_root):
    images = load_mnist_5k(data_root).images[::10].float() / 255
    torch.manual_seed(0)
    features = load_classifier().features(augmented(images))
    assert features.mean(0).abs().max().item() < 0.3
    assert features.std(0).mean().item() == pytest.approx(1, abs=0.1)


def test_its_training_function_trains_a_classifier(data_root):
    source = load_mnist_5k(data_root)
    torch.manual_seed(0)
    classifier = train(source.images[::5], source.labels[::5], epochs=4)
    assert accuracy(classifier, source.images[1::25], source.labels[1::25]) > 0.7
