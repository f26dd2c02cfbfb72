"""Which metrics of which runs can be compared."""

from copy import deepcopy
from functools import cache

import pytest
import yaml

from jlml.comparison.comparable import comparable_key, obstacle
from jlml.comparison.descriptions import observation_in_words
from jlml.config import compose, plain

METRICS = ("mse", "bce", "kl", "nll", "elbo", "loss")


@cache
def composed(*choices):
    return plain(compose(*choices))


def config_of(overrides):
    """Composes a config. To be quicker, it sets dotted keys in a cached config."""
    pairs = [override.split("=", 1) for override in overrides.split()]
    config = deepcopy(composed(*(f"{key}={value}" for key, value in pairs if "." not in key)))
    for key, value in pairs:
        if "." in key:
            group, name = key.split(".")
            config[group][name] = yaml.safe_load(value)
    return config


def configs_of(*several):
    return [config_of(overrides) for overrides in several]


@pytest.mark.parametrize(
    ("one", "other", "compare"),
    [
        ("seed=0", "seed=1", METRICS),
        ("latent=d2", "latent=d8 optimizer.lr=0.1", METRICS),
        ("loss=mse", "loss=bce", ("mse", "bce", "kl")),
        ("loss=cont_bern", "loss=cont_bern loss.limit=1e-3", ("mse", "bce", "kl")),
        ("loss=mse", "loss=mse loss.scale=0.1 loss.link=identity", METRICS),  # densities of the same pixels
        ("model=vae", "model=vae model.beta=4", ("mse", "bce", "kl", "nll", "elbo")),
        ("model=ae", "model=vae", ("mse", "bce", "kl", "nll", "elbo")),
        ("model=ae", "model=conv_ae", METRICS),  # different network, same objective
        ("model=vae", "model=vae model._target_=mine.VAE", ("mse", "bce", "kl", "nll", "elbo")),
        ("data.pixels=grey", "data.pixels=binarized", ()),
        ("data=mnist", "data=fashion_mnist", ()),
        ("data.image_size=32", "data.image_size=32 data.fit=resize", ()),
        ("data.fit=pad", "data.fit=resize", METRICS),  # no effect without image_size
        ("data.subset=1000", "data.subset=2000", ()),
        ("experiment=conv_32", "experiment=mlp_32", METRICS),
    ],
)
def test_metrics_are_compared_only_if_they_mean_the_same(one, other, compare):
    configs = configs_of(one, other)
    assert tuple(name for name in METRICS if obstacle(f"val/{name}", configs) is None) == compare
    for name in METRICS:
        same = comparable_key([f"a/{name}"], configs[0], 10) == comparable_key([f"b/{name}"], configs[1], 10)
        assert same == (name in compare or "subset" in one)  # this key compares the number of test images
    assert comparable_key(["mse"], configs[0], 10) != comparable_key(["mse"], configs[1], 20)


def test_an_obstacle_names_the_key_and_its_values():
    assert str(obstacle("val/loss", configs_of("model.beta=1", "model.beta=4"))) == "model.beta (1, 4)"
    seeds = configs_of("data.seed=1", "data.seed=2")
    assert obstacle("val/mse", seeds) is None
    assert str(obstacle("val/mse", seeds, one_split=True)) == "data.seed (1, 2)"


@pytest.mark.parametrize(
    ("overrides", "description"),
    [
        ("loss=mse", "Gaussian pixels, scale 0.2, link sigmoid, grey mnist images of 28 x 28"),
        ("loss=cont_bern", "continuous Bernoulli pixels, limit 0.0001, grey mnist images of 28 x 28"),
        (
            "loss=bce",
            "Bernoulli pixels (a cross-entropy, not a likelihood: the pixels are not 0 or 1), grey mnist "
            "images of 28 x 28",
        ),
        ("loss=bce data.pixels=binarized", "Bernoulli pixels, binarized mnist images of 28 x 28"),
        ("loss=bce loss._target_=fractions.Fraction", "fractions.Fraction, grey mnist images of 28 x 28"),
    ],
)
def test_an_observation_model_is_described_in_words(overrides, description):
    (config,) = configs_of(overrides)
    assert observation_in_words({**config, "image_shape": [1, 28, 28]}) == description
