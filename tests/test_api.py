"""The functions of `jlml` explain a mistake in the same sentences as the commands."""

import pytest
from omegaconf import OmegaConf

import jlml
from jlml.config import composed
from jlml.errors import UserError


def test_dir_lists_the_functions_although_they_are_imported_on_first_use():
    assert set(jlml.__all__) <= set(dir(jlml))


@pytest.mark.parametrize("function", [jlml.compose, jlml.build, jlml.train])
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=vea", "model=vea is not a choice. Did you mean vae?"),
        ("model=[ae,vae]", "model has one choice"),
        ("lr=3", "Did you mean optimizer.lr?"),
        ("latent.dim", "not an override"),
    ],
)
def test_a_wrong_override_is_explained(function, override, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[").replace("?", r"\?")):
        function(override)


@pytest.mark.parametrize("config", [(3,), ({"model": "vae"},), (OmegaConf.create({}), "model=ae")])
def test_anything_but_one_config_or_overrides_is_refused(config):
    with pytest.raises(UserError, match="is not an override: expected one composed config, or texts"):
        composed(config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ruun=x", "Did you mean run?"),
        ("run=x", "x is not a run folder"),
        (OmegaConf.create({}), "run=<folder>"),
    ],
)
def test_evaluate_takes_overrides(override, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        jlml.evaluate(override)
