"""A few configs from the edges of what is searched: each must be valid, and all must be comparable."""

from collections.abc import Iterator

import torch

from jlml.comparison.comparable import obstacle
from jlml.config import Config, check, plain, sentence_for
from jlml.errors import UserError, did_you_mean
from jlml.runs import build_model
from jlml.search.settings import Settings


def check_corners(settings: Settings, image_shape: tuple[int, int, int]) -> None:
    """Refuses a search of which some part cannot be trained, or not be compared.

    Both ends and every choice of a range are in some corner; not every combination is.

    Raises:
        UserError: naming the key.
    """
    metric = settings.search.metric
    corners = [plain_corner(settings, values) for values in values_of_corners(settings)]
    check_comparable(metric, corners)
    for corner in corners:
        names = metrics_of(corner, image_shape)
        if metric not in names:
            raise UserError(
                f"search.metric={metric} is not a metric of model={corner['choices']['model']}."
                f"{did_you_mean(metric, names)} Choose one of: {', '.join(sorted(names))}."
            )


def values_of_corners(settings: Settings) -> Iterator[dict[str, str]]:
    """The fewest sets of values that contain every extreme of every range."""
    extremes = {range_.key: range_.extremes for range_ in settings.ranges}
    for index in range(max(map(len, extremes.values()))):
        yield {key: values[index % len(values)] for key, values in extremes.items()}


def plain_corner(settings: Settings, values: dict[str, str]) -> Config:
    """The checked config of a trial with these values.

    Raises:
        UserError: there is no such config.
    """
    try:
        config = plain(settings.compose(values))
        check(config)
    except Exception as error:
        said = sentence_for(error)
        if said is None:
            raise
        raise UserError(f"search.ranges: {said}") from error
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
