"""Sweeps as a user runs them: results, failed jobs, mistakes, and repeated commands."""

import re
import sys

import numpy as np
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from jlml.cli.command import hydra_app
from jlml.cli.swept import show_swept
from jlml.cli.train import run
from jlml.config import compose, sentence_for
from jlml.errors import UserError
from jlml.runs import Run
from jlml.sweeps import sweep
from jlml.sweeps.folder import Sweep
from jlml.sweeps.job import train_rest
from jlml.sweeps.plan import plan_of
from sweeping import NARROW, QUICK, completed, in_one_process, records, results, starts, sweep_here


def test_the_command_trains_all_jobs_and_prints_the_ranking(tmp_path):
    code, out, err = completed(tmp_path, "model=ae", "latent=d2,d8", *NARROW)
    assert (code, err) == (0, "")
    over_seeds = "mean ± standard deviation over seeds"
    for text in ("2 of 2 jobs done", "Ranked by val/mse", over_seeds, "answer.png", "groups.csv"):
        assert out.count(text) == 1
    assert re.search(r"^finished: latent=d2  val mse 0\.\d{5}  \d+ s$", out, flags=re.MULTILINE)


@pytest.mark.robustness
def test_a_repeated_sweep_trains_nothing_again_and_new_values_extend_it(tmp_path, capsys):
    swept = sweep_here(tmp_path, "model=ae", "latent=d2,d8", *NARROW)
    folder, rows = tmp_path / "sweeps/it", results(tmp_path)
    assert len(rows) == 2
    for job, row in rows.items():
        assert row["status"] == "finished"
        assert float(row["val/mse"]) == records(tmp_path)[job]["metrics"]["val/mse"]
    content = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert content["over"] == ["latent"]
    assert set(content["jobs"]) == set(rows)
    config = yaml.safe_load((folder / "latent-d2/config.yaml").read_text())
    assert "sweep" not in config
    assert not any(change.startswith("sweep.") for change in config["changes"])
    show_swept(swept)
    assert (folder / "answer.png").stat().st_size > 5000
    assert f"Evaluate it   python evaluate.py sweep={folder}" in capsys.readouterr().out

    earlier_starts = starts(tmp_path)
    sweep_here(tmp_path, "model=ae", "latent=d2,d8", *NARROW)
    assert starts(tmp_path) == earlier_starts
    sweep_here(tmp_path, "model=ae", "latent=d2,d8,d16", *NARROW)
    assert len(results(tmp_path)) == 3
    assert {job: starts(tmp_path)[job] for job in earlier_starts} == earlier_starts


def test_a_failed_job_is_recorded_and_the_others_are_trained(tmp_path, capsys):
    overrides = ("model=conv_ae", "model.code=spatial", "model.hidden=[]", "trainer.max_epochs=1")
    swept = sweep_here(tmp_path, *overrides, "latent.dim=2,16")
    failed, finished = results(tmp_path).values()
    assert (failed["status"], finished["status"]) == ("failed", "finished")
    assert "does not fit a spatial code" in failed["error"]
    with pytest.raises(UserError, match=r"1 of 2 jobs failed\. The same command with sweep\.retry=true"):
        show_swept(swept)
    assert "Failed: latent.dim=2: " in capsys.readouterr().out

    folder = Sweep(tmp_path / "sweeps/it")
    with pytest.raises(UserError, match=f"It is a sweep: use sweep={folder.path}"):
        Run.open(folder.path)
    run = Run(folder.path / failed["job"])
    run.write_metrics({"status": "failed", "error": "as before"})
    train_rest(folder, run, compose(*QUICK, *overrides[:3], "latent.dim=2"))
    assert run.metrics()["error"] == "as before"
    train_rest(folder, run, compose(*QUICK, *overrides[:3], "latent.dim=2", "sweep.retry=true"))
    assert "does not fit a spatial code" in run.metrics()["error"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model=ae",), "-m needs a key with several values"),
        (("latent.dim=2,0",), "latent.dim=0 is invalid"),
        (("seed=0,1", "sweep.rank=test/mse"), "sweep.rank=test/mse is invalid"),
        (("seed=0,1", "sweep.name=../away"), "sweep.name=../away is invalid"),
        (("model=ae,vea",), "model=vea is not a choice. Did you mean vae"),
        (("seed=0,1", "hydra/launcher=jolib"), "hydra/launcher=jolib is not a choice"),
        (("seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), "hydra.launcher.n_jobs=0 is"),
        (("seed=0,1", "--config-dir=/tmp"), "--config-dir=/tmp is invalid in a sweep"),
        (("seed=0,1", "resume=there"), "resume=... is one run"),
    ],
)
def test_a_mistake_is_reported_and_nothing_is_created(tmp_path, overrides, message):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the command prints each as one sentence
        sweep_here(tmp_path / "runs", *overrides)
    assert message in sentence_for(raised.value)
    assert not (tmp_path / "runs").exists()


def planned(*overrides):
    return plan_of(OverridesParser.create().parse_overrides(list(overrides)))


def test_a_different_sweep_with_the_same_name_is_refused(tmp_path):
    sweep = Sweep(tmp_path)
    sweep.record(planned("seed=0,1", "trainer.max_epochs=1"))
    sweep.record(planned("seed=1,2", "trainer.max_epochs=1", "threads=2", "hydra/launcher=joblib"))
    assert [result.job for result in sweep.results()] == ["seed-0", "seed-1", "seed-2"]
    with pytest.raises(UserError, match="trainer.max_epochs=1 then, trainer.max_epochs=2 now"):
        sweep.record(planned("seed=0,1", "trainer.max_epochs=2"))
    with pytest.raises(UserError, match="this one is over seed, latent"):
        sweep.record(planned("seed=0,1", "latent=d2,d8", "trainer.max_epochs=1"))


def test_a_finished_run_with_another_config_is_refused_and_not_changed(tmp_path):
    """For example, a file in conf/ was changed: the overrides are the same, but the config differs."""
    run, cfg = Run.at(tmp_path / "seed-0"), compose(*QUICK, *NARROW, "model=ae")
    train_rest(Sweep(tmp_path), run, cfg)
    finished, config = run.metrics(), run.path / "config.yaml"
    assert finished["status"] == "finished"
    config.write_text(config.read_text().replace("lr: 0.001", "lr: 0.5"))
    with pytest.raises(UserError, match=r"optimizer\.lr was 0\.5 and is 0\.001\. Choose another sweep\.name"):
        train_rest(Sweep(tmp_path), run, cfg)
    assert run.metrics() == finished


def test_a_folder_with_foreign_files_is_refused_but_leftovers_of_a_kill_are_accepted(tmp_path):
    plan = planned("seed=0,1")
    (tmp_path / ".sweep.yaml.123").touch()  # an incomplete file of a killed process
    Sweep(tmp_path).record(plan)
    assert [result.job for result in Sweep(tmp_path).results()] == ["seed-0", "seed-1"]
    (tmp_path / "sweep.yaml").unlink()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="exists and is not a sweep"):
        Sweep(tmp_path).record(plan)
    with pytest.raises(UserError, match="is not the folder of a sweep"):
        Sweep(tmp_path).results()


def test_a_key_without_a_default_can_be_swept(tmp_path):
    files = [tmp_path / f"images_{n}.npz" for n in range(2)]
    for n, file in enumerate(files):
        images = np.random.default_rng(n).integers(0, 256, (300, 8, 8), dtype=np.uint8)
        np.savez(file, images=images)
    paths = ",".join(map(str, files))
    common = (*(each for each in QUICK if each != "data=mnist_5k"), *NARROW)
    argv = ["train.py", "-m", *common, f"output_dir={tmp_path}", "sweep.name=it", "model=ae"]
    with in_one_process():
        sys.argv[:] = [*argv, "data=npz", f"data.path={paths}"]
        sweep(hydra_app(run, "train"))
    assert [row["status"] for row in results(tmp_path).values()] == ["finished"] * 2
