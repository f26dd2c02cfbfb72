"""A few configs from the edges of what is searched: each must be possible, and all must be comparable."""

from collections.abc import Iterator

import torch
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from jlml.comparison.comparable import obstacle
from jlml.config import Config, check, plain, sentence
from jlml.errors import UserError, did_you_mean
from jlml.runs import build_model
from jlml.search.ranges import Choices
from jlml.search.settings import Settings


def check_corners(settings: Settings, image_shape: tuple[int, int, int]) -> None:
    """Refuses a search of which some part cannot be trained, or not be compared.

    Every end and every choice of a range is in some corner; not every combination.

    Raises:
        UserError: naming the key.
    """
    corners = [plain_corner(settings, values) for values in values_of_corners(settings)]
    check_comparable(settings.metric, corners)
    for corner in corners:
        names = metrics_of(corner, image_shape)
        if settings.metric not in names:
            model = corner["choices"]["model"]
            raise UserError(
                f"search.metric={settings.metric} is no metric of model={model}."
                f"{did_you_mean(settings.metric, names)} Choose one of: {', '.join(sorted(names))}."
            )


def values_of_corners(settings: Settings) -> Iterator[dict[str, str]]:
    """As few sets of values as show every end and every choice."""
    sizes = (len(range_.values) if isinstance(range_, Choices) else 2 for range_ in settings.ranges)
    for index in range(max(sizes)):
        yield {range_.key: range_.some(index) for range_ in settings.ranges}


def plain_corner(settings: Settings, values: dict[str, str]) -> Config:
    """The checked config of a trial with these values.

    Raises:
        UserError: there is no such config.
    """
    try:
        config = plain(settings.compose(values))
        check(config)
    except (UserError, HydraException, OmegaConfBaseException) as error:
        raise UserError(f"search.ranges: {sentence(error)}") from error
    except ValueError as error:
        if "Config group override" not in str(error):
            raise
        raise UserError(
            f"search.ranges: {' '.join(str(error).split())}. A group takes a list of its choices; numbers go "
            "to a key, as latent.dim."
        ) from error
    return config


def metrics_of(config: Config, image_shape: tuple[int, int, int]) -> set[str]:
    """What validation of this config's model measures.

    Raises:
        UserError: the model cannot be built.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            model = build_model(config, image_shape).eval()
        except UserError as error:
            raise UserError(f"search.ranges: {error}") from error
        with torch.no_grad():
            return {f"val/{name}" for name in model.measure(torch.rand(2, *image_shape), 0)}


def check_comparable(metric: str, corners: list[Config]) -> None:
    """Refuses a search by a metric that does not compare between trials.

    Raises:
        UserError: naming the key in which trials differ, and a metric that compares if there is one.
    """
    images = obstacle("val/mse", corners, one_split=True)
    if images:
        raise UserError(
            f"No metric compares trials that differ in {images}: {images.reason}. Search each value alone."
        )
    differing = obstacle(metric, corners)
    if differing:
        are_vaes = all("beta" in corner["model"] for corner in corners)
        elbo = are_vaes and obstacle("val/elbo", corners) is None
        others = ", or search.metric=val/elbo search.direction=maximize" if elbo else ""
        raise UserError(
            f"{metric} does not compare trials that differ in {differing}: {differing.reason}. Use "
            f"search.metric=val/mse or val/bce{others}."
        )
