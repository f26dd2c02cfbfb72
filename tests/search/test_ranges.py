"""Ranges of a config and the values that Optuna suggests for them."""

import optuna
import pytest

from jlml.errors import UserError
from jlml.search.ranges import Choices, Numbers, ranges_of


def test_ranges_of_every_kind_are_read_and_suggest_values():
    node = {
        "latent": {"dim": {"low": 2, "high": 9, "step": 3}},
        "optimizer.lr": {"low": 1e-4, "high": 1, "log": True},
        "scheduler": ["none", "cosine"],
        "model": {"hidden": {"choices": [[16], [32, 16]]}},
    }
    dim, rate, scheduler, hidden = ranges_of(node)
    assert dim == Numbers("latent.dim", 2, 8, 3, False)  # 9 is not 2 plus a multiple of 3
    assert rate == Numbers("optimizer.lr", 1e-4, 1.0, None, True)
    assert scheduler == Choices("scheduler", ("none", "cosine"))
    assert hidden == Choices("model.hidden", ("[16]", "[32,16]"))
    trial = optuna.trial.FixedTrial(
        {"latent.dim": 5, "optimizer.lr": 0.00123456, "scheduler": "none", "model.hidden": "[16]"}
    )
    values = [range_.suggest(trial) for range_ in (dim, rate, scheduler, hidden)]
    assert values == ["5", "0.001235", "none", "[16]"]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({}, "search.ranges is empty. Choose search=ae or search=vae, or add a range"),
        ({"latent": {"dim": 5}}, "search.ranges.latent.dim=5 is not a range: expected"),
        ({"latent": {"dim": 5}}, "To fix the key, use latent.dim=5."),
        ({"latent": {"dim": {"lo": 2, "high": 5}}}, "lo is not an option of a range. Did you mean low?"),
        ({"latent": {"dim": {"low": 2}}}, "search.ranges.latent.dim has no high: expected"),
        ({"latent": {"dim": {"low": 8, "high": 2}}}, "low=8 is invalid: expected a number below high=2."),
        ({"latent": {"dim": {"low": 2, "high": 8, "step": 9}}}, "step=9 is invalid: expected a number above"),
        ({"latent.dim": {"low": 2, "high": 8, "step": 2, "log": True}}, "step and log=true. Leave one out."),
        ({"latent.dim": {"low": 2, "high": 8, "log": "yes"}}, "log=yes is invalid: expected true or false."),
        ({"optimizer.lr": {"low": 0, "high": 1, "log": True}}, "low=0 is invalid: expected a number above 0"),
        ({"optimizer.lr": {"low": 1e-3, "high": "fast"}}, "high=fast is invalid: expected a number."),
        ({"loss": []}, "search.ranges.loss=[] is invalid: expected a list of two or more different values."),
        ({"loss": {"choices": ["mse", "mse"]}}, "search.ranges.loss=[mse,mse] is invalid"),
        ({"loss": [{"a": 1}, "mse"]}, "expected numbers, names or lists"),
        ({"a": {"b": [1, 2]}, "a.b": [1, 2]}, "names a.b twice, once nested and once with dots"),
    ],
)
def test_the_error_of_an_invalid_range_is_one_sentence(node, message):
    with pytest.raises(UserError) as raised:
        ranges_of(node)
    assert message in str(raised.value)
