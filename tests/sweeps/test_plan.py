"""What a sweep is about to do, from its words alone."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from jlml.config import compose, plain
from jlml.errors import UserError
from jlml.sweeps.command import parsed
from jlml.sweeps.plan import check_jobs, check_rank, job_name
from jlml.sweeps.plan import plan_of as plan_of_overrides


def plan_of(words):
    return plan_of_overrides(OverridesParser.create().parse_overrides(words))


def test_every_combination_in_a_folder_of_its_own():
    plan = plan_of(["model=ae,vae", "latent.dim=2,16", "trainer.max_epochs=3", "hydra/launcher=joblib"])
    assert plan.factors == {"model": ["ae", "vae"], "latent.dim": ["2", "16"]}
    assert list(plan.jobs) == [
        "model-ae_latent.dim-2",
        "model-ae_latent.dim-16",
        "model-vae_latent.dim-2",
        "model-vae_latent.dim-16",
    ]


def test_ranges_choices_lists_globs_and_the_config_s_own_params():
    words = ["seed=range(0,3)", "model.hidden=[64],[64,32]", "loss=choice(mse,bce)", "scheduler=glob(*)"]
    overrides, _ = parsed([*words, "+hydra.sweeper={params:{latent:'d2,d8'}}"])
    plan = plan_of_overrides(overrides)
    assert {key: len(values) for key, values in plan.factors.items()} == {
        "latent": 2,
        "seed": 3,
        "model.hidden": 2,
        "loss": 2,
        "scheduler": 3,
    }
    assert len(plan.jobs) == 72


def test_a_key_that_is_new_keeps_its_plus():
    plan = plan_of(["+optimizer.betas=[0.9,0.99],[0.5,0.9]", "seed=0,1"])
    check_jobs(plan, [])
    assert plan.factors["optimizer.betas"] == ["[0.9,0.99]", "[0.5,0.9]"]


def test_the_same_words_find_the_same_sweep():
    words = ["model=ae,vae", "seed=0,1", "data.subset=100"]
    name = plan_of(words).name
    assert name.startswith("model_seed-")
    in_passing = ["output_dir=/elsewhere", "data.root=/data", "sweep.retry=true", "hydra/launcher=joblib"]
    assert plan_of([*reversed(words), *in_passing]).name.split("-")[1] == name.split("-")[1]
    assert plan_of([*words[:2], "data.subset=200"]).name != name
    assert plan_of(["model=ae,vae", "seed=0,1,2", "data.subset=100"]).name != name


values = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=150)


@given(values, values)
def test_names_are_folders_and_no_two_jobs_share_one(one, other):
    names = {value: job_name({"model.hidden": value, "seed": "0"}) for value in (one, other)}
    assert len(set(names.values())) == len({one, other})
    for name in names.values():
        assert len(name) <= 120
        assert not set(name) & set("/=, '\"\\\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model=ae"], "no word has several"),
        (["optimizer.lr=interval(0,1)"], "is a range"),
        (["seed=0,1", "seed=5"], "seed is given twice"),
        (["seed=0,1", "seed=2,3"], "seed is given twice"),
        (["threads=1,2"], "sweeps over how jobs are run"),
        (["sweep.name=a,b", "seed=0,1"], "sweeps over how jobs are run"),
        (["output_dir=a,b"], "sweeps over how jobs are run"),
        (["hydra.launcher.n_jobs=1,2", "seed=0,1"], "sweeps over how jobs are run"),
        (["~scheduler=none,cosine"], "takes a key out"),
    ],
)
def test_what_is_no_sweep(words, says):
    with pytest.raises(UserError, match=says):
        plan_of(words)


def test_a_wrong_value_is_found_before_anything_is_trained():
    plan = plan_of(["latent.dim=2,0", "seed=0,1"])
    with pytest.raises(UserError, match=r"latent\.dim=0 is not possible"):
        check_jobs(plan, [])


def test_a_ranking_by_what_does_not_compare_is_refused():
    def configs(key, *values):
        return [plain(compose(f"{key}={value}")) for value in values]

    check_rank("val/mse", configs("loss", "mse", "bce"))
    check_rank("val/mse", configs("data.pixels", "grey", "binarized"))  # the answer warns
    check_rank("val/loss", configs("latent", "d2", "d8"))
    for key, *values in (
        ("loss", "mse", "bce"),
        ("loss.limit", 0.1, 0.01),
        ("model.beta", 1, 2),
        ("model", "ae", "vae"),
        ("data.pixels", "grey", "binarized"),
    ):
        with pytest.raises(UserError, match="does not compare jobs that differ in"):
            check_rank("val/loss", configs(key, *values))
