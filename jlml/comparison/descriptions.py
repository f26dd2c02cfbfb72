"""The density and the images of a run in words, for reports and the titles of tables."""

from jlml.comparison.comparable import density_of
from jlml.config import Config, flat, locate, shown


def observation_in_words(config: Config, all_options: bool = True) -> str:
    """The density of images: ``Gaussian pixels, scale 0.2, link sigmoid, grey mnist images of 28 x 28``.

    A loss without a description of its own is shown by its dotted path.

    Args:
        config: of a run.
        all_options: of the loss; otherwise those in which runs must agree for their likelihoods to compare.
    """
    target = str(config["loss"]["_target_"])
    # a subclass may be another density: it does not inherit the words
    words = vars(locate(target, "loss")).get("description") or target
    if target == "jlml.losses.Bernoulli" and config["data"]["pixels"] != "binarized":
        words += " (a cross-entropy, no likelihood: the pixels are not 0 or 1)"
    decisive = density_of(config)
    options = [
        f"{key} {shown(value)}"
        for key, value in flat(config["loss"])
        if not key.startswith("_") and (all_options or f"loss.{key}" in decisive)
    ]
    return ", ".join([words, *options, images_in_words(config)])


def images_in_words(config: Config) -> str:
    """Treatment of pixels, name of the data, and size: ``grey mnist images of 28 x 28``."""
    data = config["data"]
    height, width = config["image_shape"][1:]
    fit = f" by {data['fit']}" if data.get("image_size") else ""
    return f"{data['pixels']} {data['name']} images of {height} x {width}{fit}"
