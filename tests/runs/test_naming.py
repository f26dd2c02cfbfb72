"""Names of run folders: short, unambiguous, and different for runs of the same second."""

from datetime import datetime

import pytest

from jlml.config import compose, plain
from jlml.runs import Run, naming
from jlml.runs.naming import LONGEST_NAME, folder_name, name_of

TIME = "2026-01-02_03-04-05"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(naming, "datetime", Stopped)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ((), "vae-cb-d2-s0"),
        (("model=ae", "loss=bce", "latent.dim=20", "seed=3"), "ae-bce-d20-s3"),
        (("data=mnist_5k", "data.subset=2000"), "vae-cb-d2-mnist_5k-s0_subset-2000"),
        (("model.hidden=[400,20]", "optimizer.lr=1e-3"), "vae-cb-d2-s0_hidden-400-20_lr-1e-3"),
        (("optimizer=adamw", "scheduler=cosine"), "vae-cb-d2-s0_adamw_cosine"),
        (("seed=1", "data.seed=2"), "vae-cb-d2-s1_data.seed-2"),
        (("experiment=vae_20d", "threads=1", "keep_checkpoints_every=5"), "vae-bce-d20-s0_vae_20d"),
        (("loss._target_=mine.Laplace",), "vae-cb-d2-s0_Laplace"),
    ],
)
def test_a_name_has_the_choices_and_then_the_time(overrides, name):
    assert folder_name(plain(compose(*overrides))) == f"{name}_{TIME}"


def test_a_token_that_does_not_fit_is_left_out_and_none_is_cut():
    config = plain(compose("model.hidden=[1000,900,800]", "data.subset=2000", "trainer.max_epochs=7"))
    complete = "vae-cb-d2-s0_hidden-1000-900-800_subset-2000_epochs-7"
    tokens = complete.split("_")
    for longest in range(len(complete) + 1):
        name = name_of(config, longest)
        assert len(name) <= max(longest, len("run"))
        if longest >= len(tokens[0]):
            assert name.startswith(tokens[0])
            rest = name.removeprefix(tokens[0])
            for token in tokens[1:]:
                rest = rest.replace(f"_{token}", "")
            assert rest == ""
    assert name == complete


def test_a_name_is_short_and_has_no_character_with_a_meaning_on_a_command_line():
    changes = [f"model.key_{number}=[{number},'a b/c']" for number in range(20)]
    name = folder_name(plain(compose()) | {"changes": changes})
    assert len(name) <= LONGEST_NAME
    assert not set(name) & set("=, []'\"/")
    assert name.endswith(TIME)


def test_runs_created_in_the_same_second_get_different_folders(tmp_path):
    config = plain(compose("model=ae", "loss=mse"))
    paths = {Run.create(config, tmp_path).path.name for _ in range(3)}
    base = f"ae-mse-d2-s0_{TIME}"
    assert paths == {base, f"{base}_2", f"{base}_3"}
    assert all((tmp_path / name / "config.yaml").is_file() for name in paths)
