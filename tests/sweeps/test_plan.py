"""The plan of a sweep, made from its overrides: jobs, names, and mistakes found before training."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from jlml.config import CONF, compose, plain
from jlml.errors import UserError
from jlml.sweeps.command import parsed
from jlml.sweeps.job import values_of
from jlml.sweeps.plan import check_jobs, check_rank, job_name
from jlml.sweeps.plan import plan_of as plan_of_overrides


def plan_of(overrides):
    return plan_of_overrides(OverridesParser.create().parse_overrides(overrides))


def test_every_combination_is_a_job_with_its_own_folder():
    plan = plan_of(["model=ae,vae", "latent.dim=2,16", "trainer.max_epochs=3", "hydra/launcher=joblib"])
    assert plan.factors == {"model": ["ae", "vae"], "latent.dim": ["2", "16"]}
    assert list(plan.jobs) == [
        "model-ae_latent.dim-2",
        "model-ae_latent.dim-16",
        "model-vae_latent.dim-2",
        "model-vae_latent.dim-16",
    ]


def test_ranges_choices_lists_globs_and_sweeper_params_are_factors():
    given = ["seed=range(0,3)", "model.hidden=[64],[64, 32]", "loss=choice(mse,bce)", "callbacks=glob(*s*)"]
    overrides, *_ = parsed([*given, "+hydra.sweeper={params:{latent:'d2,d8'}}"])
    plan = plan_of_overrides(overrides)
    assert {key: len(values) for key, values in plan.factors.items()} == {
        "latent": 2,
        "seed": 3,
        "model.hidden": 2,
        "loss": 2,
        "callbacks": len(list(CONF.glob("callbacks/*s*.yaml"))),
    }


def test_a_single_job_has_the_same_folder_name():
    """Its values follow the swept ones, as when it is run again because its worker was killed."""
    given = ["model.hidden=[64],[64, 32]", "+trainer.x='a b',c", "seed=range(0,3)", "loss=mse"]
    plan = plan_of(given)
    for job, values in plan.jobs.items():
        parser = OverridesParser.create()
        (batch,) = BasicSweeper.split_arguments(
            parser.parse_overrides([*given, *plan.overrides_of(values)]), max_batch_size=None
        )
        (overrides,) = batch
        assert job_name(values_of(list(plan.factors), overrides)) == job


def test_a_new_key_with_a_plus_can_be_swept():
    plan = plan_of(["+optimizer.betas=[0.9,0.99],[0.5,0.9]", "seed=0,1"])
    check_jobs(plan, [])
    assert plan.factors["optimizer.betas"] == ["[0.9,0.99]", "[0.5,0.9]"]


def test_the_name_of_a_sweep_depends_only_on_overrides_that_affect_results():
    overrides = ["model=ae,vae", "seed=0,1", "data.subset=100"]
    name = plan_of(overrides).name
    assert name.startswith("model_seed-")
    without_effect = ["output_dir=/elsewhere", "data.root=/data", "sweep.retry=true", "hydra/launcher=joblib"]
    assert plan_of([*reversed(overrides), *without_effect]).name.split("-")[1] == name.split("-")[1]
    assert plan_of([*overrides[:2], "data.subset=200"]).name != name
    assert plan_of(["model=ae,vae", "seed=0,1,2", "data.subset=100"]).name != name


values = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=150)


@given(values, values)
def test_job_names_are_valid_folder_names_and_unique(one, other):
    names = {value: job_name({"model.hidden": value, "seed": "0"}) for value in (one, other)}
    assert len(set(names.values())) == len({one, other})
    for name in names.values():
        assert len(name) <= 120
        assert not set(name) & set("/=, '\"\\\n")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=ae"], "needs a key with several values"),
        (["optimizer.lr=interval(0,1)"], "is invalid: expected values"),
        (["seed=0,1", "seed=5"], "seed is given twice"),
        (["seed=0,1", "seed=2,3"], "seed is given twice"),
        (["threads=1,2"], "is the same for all jobs"),
        (["sweep.name=a,b", "seed=0,1"], "is the same for all jobs"),
        (["output_dir=a,b"], "is the same for all jobs"),
        (["hydra.launcher.n_jobs=1,2", "seed=0,1"], "is the same for all jobs"),
        (["~scheduler=none,cosine"], "removes a key"),
    ],
)
def test_an_invalid_sweep_is_refused(overrides, message):
    with pytest.raises(UserError, match=message):
        plan_of(overrides)


def test_an_invalid_value_is_found_before_training():
    plan = plan_of(["latent.dim=2,0", "seed=0,1"])
    with pytest.raises(UserError, match=r"latent\.dim=0 is invalid"):
        check_jobs(plan, [])


def test_a_ranking_by_a_metric_that_does_not_compare_is_refused():
    def configs(key, *values):
        return [plain(compose(f"{key}={value}")) for value in values]

    check_rank("val/mse", configs("loss", "mse", "bce"))
    check_rank("val/mse", configs("data.pixels", "grey", "binarized"))  # allowed; the results have a warning
    check_rank("val/loss", configs("latent", "d2", "d8"))
    for key, *values in (
        ("loss", "mse", "bce"),
        ("loss.limit", 0.1, 0.01),
        ("model.beta", 1, 2),
        ("model", "ae", "vae"),
        ("data.pixels", "grey", "binarized"),
    ):
        with pytest.raises(UserError, match="cannot compare jobs that differ in"):
            check_rank("val/loss", configs(key, *values))
