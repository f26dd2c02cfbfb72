"""Checks a search before it starts, on configs with the extreme values of all ranges."""

from collections.abc import Iterator

import torch

from jlml.comparison.comparable import obstacle
from jlml.config import Config, check, plain, sentence_for
from jlml.errors import UserError, did_you_mean
from jlml.runs import build_model
from jlml.search.settings import Settings


def check_corners(settings: Settings, image_shape: tuple[int, int, int]) -> None:
    """Refuses a search with trials that cannot be trained or cannot be compared.

    The checked configs (corners) contain both ends and every choice of each range, but not every combination.

    Raises:
        UserError: the message names the key.
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
    """A minimal number of sets of values that contain every extreme of every range."""
    extremes = {range_.key: range_.extremes for range_ in settings.ranges}
    for index in range(max(map(len, extremes.values()))):
        yield {key: values[index % len(values)] for key, values in extremes.items()}


def plain_corner(settings: Settings, values: dict[str, str]) -> Config:
    """The checked config of a trial with these values.

    Raises:
        UserError: the config is invalid.
    """
    try:
        config = plain(settings.compose(values))
        check(config)
    except Exception as error:
        message = sentence_for(error)
        if message is None:
            raise
        raise UserError(f"search.ranges: {message}") from error
    return config


def metrics_of(config: Config, image_shape: tuple[int, int, int]) -> set[str]:
    """The names of the validation metrics of a config's model.

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
    """Refuses a search by a metric that cannot be compared between trials.

    Raises:
        UserError: the message names the key in which trials differ, and a metric to use instead.
    """
    images = obstacle("val/mse", corners, one_split=True)
    if images:
        raise UserError(
            f"No metric can compare trials that differ in {images}: {images.reason}. Search each value "
            "separately."
        )
    differing = obstacle(metric, corners)
    if differing:
        are_vaes = all("beta" in corner["model"] for corner in corners)
        elbo = are_vaes and obstacle("val/elbo", corners) is None
        others = ", or search.metric=val/elbo search.direction=maximize" if elbo else ""
        raise UserError(
            f"{metric} cannot compare trials that differ in {differing}: {differing.reason}. Use "
            f"search.metric=val/mse or val/bce{others}."
        )
