"""The density and the images of a run in words, for reports and the titles of tables."""

from jlml.comparison.comparable import density_of
from jlml.config import Config, flat, locate, shown


def observation_in_words(config: Config) -> str:
    """The density of images, with every option of the loss: ``Gaussian pixels, scale 0.2, ...``."""
    options = [f"{key} {value}" for key, value in flat(config["loss"]) if not key.startswith("_")]
    return ", ".join([pixels_in_words(config), *options, images_in_words(config)])


def density_in_words(config: Config) -> str:
    """The density of images, with those options of the loss in which likelihoods must agree to compare."""
    facts = density_of(config)
    options = [f"{key.removeprefix('loss.')} {shown(value)}" for key, value in facts.items() if key != "loss"]
    return ", ".join([pixels_in_words(config), *options, images_in_words(config)])


def pixels_in_words(config: Config) -> str:
    """The distribution of a pixel. A loss without a description of its own is shown by its dotted path."""
    target = str(config["loss"]["_target_"])
    # a subclass may be another density: it does not inherit the words
    words = vars(locate(target, "loss")).get("description") or target
    if target == "jlml.losses.Bernoulli" and config["data"]["pixels"] != "binarized":
        words += " (a cross-entropy, no likelihood: the pixels are not 0 or 1)"
    return words


def images_in_words(config: Config) -> str:
    """Treatment of pixels, name of the data, and size: ``grey mnist images of 28 x 28``."""
    data = config["data"]
    fit = f" by {data['fit']}" if data.get("image_size") else ""
    height, width = config["image_shape"][1:]
    return f"{data['pixels']} {data['name']} images of {height} x {width}{fit}"
