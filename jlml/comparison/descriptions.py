"""Descriptions of the density and the images of a run, for reports and titles of tables."""

from collections.abc import Mapping

from jlml.comparison.comparable import density_of
from jlml.config import Config, flat, locate, shown
from jlml.training.words import counted

MODELS = {
    "ae": "AE",
    "ae_deep": "Deep AE",
    "ae_linear": "Linear AE",
    "ae_shallow": "Shallow AE",
    "ae_wide": "Wide AE",
    "conv_ae": "Convolutional AE",
    "conv_vae": "Convolutional VAE",
    "vae": "VAE",
}
LOSSES = {"bce": "Bernoulli loss", "cont_bern": "continuous Bernoulli", "mse": "squared error"}
DATA = {"mnist": "MNIST", "mnist_5k": "5,000 images of MNIST", "fashion_mnist": "Fashion-MNIST"}


def experiment_in_words(choices: Mapping[str, str], latent_dim: int, data: str) -> str:
    """A title: ``VAE, continuous Bernoulli, 2 latent dimensions, MNIST``. Other choices keep their names."""
    model, loss = choices["model"], choices["loss"]
    dims = counted(latent_dim, "latent dimension")
    return ", ".join([MODELS.get(model, model), LOSSES.get(loss, loss), dims, DATA.get(data, data)])


def observation_in_words(config: Config, all_options: bool = True) -> str:
    """The density of images: ``Gaussian pixels, scale 0.2, link sigmoid, grey mnist images of 28 x 28``.

    A loss without a description is shown by its dotted path.

    Args:
        config: config of a run.
        all_options: whether to list all options of the loss, or only those that must be equal for comparing
            likelihoods.
    """
    target = str(config["loss"]["_target_"])
    # a subclass can be another density, so it does not inherit the description
    description = vars(locate(target, "loss")).get("description") or target
    if target == "jlml.losses.Bernoulli" and config["data"]["pixels"] != "binarized":
        description += " (a cross-entropy, not a likelihood: the pixels are not 0 or 1)"
    decisive = density_of(config)
    options = [
        f"{key} {shown(value)}"
        for key, value in flat(config["loss"])
        if not key.startswith("_") and (all_options or f"loss.{key}" in decisive)
    ]
    return ", ".join([description, *options, images_in_words(config)])


def images_in_words(config: Config) -> str:
    """Kind of pixels, name of the data set, and size: ``grey mnist images of 28 x 28``."""
    data = config["data"]
    channels, height, width = config["image_shape"]
    pixels = "colour" if data["pixels"] == "grey" and channels == 3 else data["pixels"]
    fit = f" by {data['fit']}" if data.get("image_size") else ""
    return f"{pixels} {data['name']} images of {height} x {width}{fit}"
