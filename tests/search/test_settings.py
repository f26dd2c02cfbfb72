"""The settings of a search: its name, its identity, and mistakes that are refused before any trial."""

from copy import deepcopy

import pytest

from jlml.config import compose, plain
from jlml.config.schema import Search
from jlml.errors import UserError
from jlml.search import search
from jlml.search.running import prepared
from jlml.search.settings import Settings, check_key, check_settings, overrides_of
from searches import RATE, SMALL, WIDTH, open_trials, search_settings


def test_the_name_depends_only_on_what_affects_results():
    def name(*overrides):
        return Settings.of(compose(*SMALL, RATE, *overrides)).name

    assert name().startswith("default_vae_bce_mnist_5k_")
    assert name() == name("output_dir=elsewhere", "data.root=there", "search.trials=3", "threads=2")
    others = {name(), name("latent.dim=3"), name("search.seed=1"), name(WIDTH)}
    assert len(others) == 4
    in_range = "+search.ranges.latent.dim=[2,4]"
    assert name(in_range, "latent.dim=2") == name(in_range, "latent.dim=8")


@pytest.mark.parametrize(
    "overrides",
    [
        ("experiment=vae_20d", "search=vae", "seed=3"),
        ("model=ae_deep", "search=ae", "~callbacks.projector", "+optimizer.amsgrad=true"),
    ],
)
def test_a_config_can_be_composed_again_from_its_overrides(overrides):
    config = plain(compose(*overrides))
    again = plain(compose(*overrides_of(config, set())))
    for key in config.keys() - {"search", "choices", "changes"}:
        assert again[key] == config[key]


def test_a_different_search_with_the_same_name_is_refused(tmp_path):
    open_trials(tmp_path, name="mine")
    with pytest.raises(
        UserError, match=r"search\.name=mine is a different search: search\.seed was 0 and is 1"
    ):
        open_trials(tmp_path, name="mine", seed=1)


def test_a_search_of_version_0_1_0_is_resumed(tmp_path):
    """In that version the speed options were in the group trainer, and classes had other names."""
    trials = open_trials(tmp_path)
    old = deepcopy(trials.settings.identity)
    del old["speed"]
    old["trainer"] |= {"compile": False, "capture": False}
    old["optimizer"]["_target_"] = "jlml.optimizers.FusedAdam"
    trials.study.set_user_attr("search", old)
    assert open_trials(tmp_path).study.user_attrs["search"] == old
    trials.study.set_user_attr("search", old | {"trainer": old["trainer"] | {"compile": True}})
    with pytest.raises(UserError, match=r"speed\.compile was true and is false"):
        open_trials(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "test/loss"}, "search.metric=test/loss is invalid: expected a validation metric"),
        ({"metric": "val/elbo"}, "a higher val/elbo is better. Use search.direction=maximize."),
        ({"direction": "maximize"}, "a lower val/loss is better. Use search.direction=minimize."),
        ({"storage": "study.db"}, "search.storage is invalid: expected the URL of a database"),
    ],
)
def test_the_error_of_an_invalid_setting_names_it(settings, message):
    with pytest.raises(UserError) as raised:
        check_settings(Search(**settings))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("seed", "would find the luckiest seed"),
        ("data.seed", "would find the luckiest seed"),
        ("draw_every", "draw_every does not affect any metric"),
        ("keep_checkpoints_every", "keep_checkpoints_every does not affect any metric"),
        ("data.root", "data.root does not affect any metric"),
    ],
)
def test_seeds_and_keys_without_effect_on_metrics_cannot_be_searched(key, message):
    with pytest.raises(UserError, match=message):
        check_key(key)


DIM = "+search.ranges.latent.dim="


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([f"{DIM}[2,3]", "+search.trails=3"], "search.trails is not a key of the config."),
        ([f"{DIM}[2,3]", "search.trials=0"], "search.trials=0 is invalid: expected an integer >= 1."),
        ([f"{DIM}{{low:0,high:2}}"], "search.ranges: latent.dim=0 is invalid: expected an integer >= 1."),
        (["+search.ranges.latent.dmi=[2,3]"], "latent.dmi is not a key of the config."),
        (["+search.ranges.scheduler=[none,cosin]"], "scheduler=cosin is not a choice. Did you mean cosine?"),
        (["+search.ranges.latent={low:2,high:4}"], "Set a number by its key: latent.dim=30."),
        (["+search.ranges.loss=[mse,bce]"], "val/loss cannot compare trials that differ in loss ("),
        (["+search.ranges.model=[ae,vae]"], "differ in model.beta (null, 1.0)"),
        ([f"{DIM}[2,3]", "search.metric=val/los"], "is not a metric of model=vae. Did you mean val/loss?"),
        ([f"{DIM}[2,3]", "search.storage='nosql://me:secret@there/x'"], "search.storage cannot be used: "),
        ([f"{DIM}[2,3]", "trainer=ddp"], "trainer.strategy=ddp is invalid in a search"),
        (
            ["model=conv_vae", "model.code=spatial", "model.hidden=[]", "latent.dim=16", f"{DIM}[16,30]"],
            "search.ranges: latent.dim=30 does not fit a spatial code",
        ),
    ],
)
def test_a_mistake_is_reported_in_one_sentence_before_any_trial(tmp_path, overrides, message):
    common = [override for override in SMALL if "loss=" not in override and "hidden" not in override]
    with pytest.raises(UserError) as raised:
        search(compose(*common, f"output_dir={tmp_path / 'outputs'}", *overrides))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "overrides",
    [
        ("loss=bce", "+search.ranges.loss=[mse,bce]", "search.metric=val/mse"),
        ("loss=mse", "+search.ranges.loss.scale={low:.1,high:.3}"),
    ],
)
def test_keys_are_searched_if_the_metric_compares_their_values(overrides):
    common = [override for override in SMALL if "loss=" not in override]
    prepared(Settings.of(compose(*common, *overrides)))


def test_the_url_of_a_database_is_not_printed():
    settings = search_settings()
    assert "storage" not in repr(settings)


def test_the_error_of_a_new_range_says_to_add_it_with_a_plus():
    with pytest.raises(UserError, match=r"Add it with a plus: '\+search\.ranges\.model\.beta=\.\.\.'"):
        compose("search=vae", "search.ranges.model.beta=[1,2]")
