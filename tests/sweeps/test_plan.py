"""What a sweep is about to do, from its words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jlml.errors import UserError
from jlml.sweeps.plan import check_jobs, job_name, plan_of


def test_every_combination_in_a_folder_of_its_own():
    plan = plan_of(["model=ae,vae", "latent.dim=2,16", "trainer.max_epochs=3", "hydra/launcher=joblib"])
    assert plan.factors == {"model": ["ae", "vae"], "latent.dim": ["2", "16"]}
    assert list(plan.jobs) == [
        "model-ae_latent.dim-2",
        "model-ae_latent.dim-16",
        "model-vae_latent.dim-2",
        "model-vae_latent.dim-16",
    ]


def test_ranges_choices_lists_and_the_config_s_own_params():
    words = ["seed=range(0,3)", "model.hidden=[64],[64,32]", "loss=choice(mse,bce)"]
    plan = plan_of(words, {"latent": "d2,d8"})
    assert {key: len(values) for key, values in plan.factors.items()} == {
        "latent": 2,
        "seed": 3,
        "model.hidden": 2,
        "loss": 2,
    }
    assert len(plan.jobs) == 24


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
    ],
)
def test_what_is_no_sweep(words, says):
    with pytest.raises(UserError, match=says):
        plan_of(words)


def test_a_wrong_value_is_found_before_anything_is_trained():
    plan = plan_of(["latent.dim=2,0", "seed=0,1"])
    with pytest.raises(UserError, match=r"latent\.dim=0 is not possible"):
        check_jobs(plan, [])
