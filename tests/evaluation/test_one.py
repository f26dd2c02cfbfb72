"""One run, evaluated: what is found, written and shown, for every model."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import jlml
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.parts import PARTS
from jlml.comparison.quantities import quantity_of
from jlml.evaluation.terminal import show


@pytest.mark.parametrize("name", ["ae", "vae", "conv_ae", "conv_vae"])
def test_every_part_of_every_model(name, evaluated):
    evaluation = evaluated(name)
    content = json.loads((evaluation.folder / "metrics.json").read_text())
    assert content == evaluation.content
    assert list(content["parts"]) == list(PARTS)
    statuses = {part: result["status"] for part, result in content["parts"].items()}
    without = {"likelihood"} if name in ("ae", "conv_ae") else set()
    assert {part for part, status in statuses.items() if status != "done"} == without
    for result in content["parts"].values():
        for metric, found in result.get("metrics", {}).items():
            assert found["unit"] == quantity_of(metric).unit
            assert found["n"] >= 1
            assert found["value"] is not None
        for figure in result.get("figures", []):
            with Image.open(evaluation.folder / figure["file"]) as picture:
                assert np.asarray(picture.convert("RGB")).std() > 5, figure  # something is drawn
            assert figure["caption"].endswith(".")
    page = (evaluation.folder / "report.html").read_text()
    figures = sum(len(result.get("figures", [])) for result in content["parts"].values())
    assert page.count('src="data:image/') == figures
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)  # it loads nothing


def test_errors_are_those_of_the_images(evaluated, runs):
    """The mean over test images and its standard error, from the loaded model alone."""
    found = evaluated("ae", "parts=reconstruction").parts["reconstruction"]["metrics"]["mse"]
    model = jlml.load(runs["ae"].path)
    data = jlml.config.make(model.config["data"], "data")
    data.setup()
    images = data.test_images.float() / 255
    errors = (model.decode(model.encode(images)) - images).square().mean((1, 2, 3)).double()
    assert found["n"] == len(images) == 300
    assert found["value"] == pytest.approx(errors.mean().item(), rel=1e-5)
    assert found["standard_error"] == pytest.approx(errors.std().item() / 300**0.5, rel=1e-5)


def numbers(evaluation):
    return {
        f"{part}/{name}": found["value"]
        for part, result in evaluation.parts.items()
        for name, found in result.get("metrics", {}).items()
    }


@pytest.mark.parametrize("name", ["conv_vae", "ae"])
def test_batches_change_no_number(name, evaluated, runs, tmp_path):
    """Batches of 7 leave a ragged last one of 300 images, and of 200 samples."""
    some = "parts=[reconstruction,likelihood,codes,generation]"
    whole = numbers(evaluated(name, some))
    copy = shutil.copytree(runs[name].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    for metric, value in numbers(evaluated(str(copy), some, "batch_size=7")).items():
        assert value == pytest.approx(whole[metric], rel=2e-4, abs=1e-4), metric


def test_parts_come_one_by_one_and_stay(runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    assert list(evaluated(str(copy), "parts=[codes]").parts) == ["codes"]
    both = evaluated(str(copy), "parts=[reconstruction]")
    assert list(both.parts) == ["reconstruction", "codes"]
    assert list(evaluated(str(copy), "parts=[codes]", "batch_size=50").parts) == ["reconstruction", "codes"]
    # other settings are another evaluation, of the parts that they matter to
    words = ("parts=[codes]", "plane.axes=[2,1]", "importance_samples=5")
    assert list(evaluated(str(copy), *words).parts) == ["reconstruction", "codes"]
    assert list(evaluated(str(copy), "parts=[codes]", "seed=1").parts) == ["codes"]
    assert evaluated(str(copy), "parts=[codes]", "checkpoint=last").folder.name == "last"
    assert json.loads((copy / "evaluation/metrics.json").read_text())["checkpoint"]["which"] == "best"


def test_a_part_that_fails_takes_no_other_down(runs, evaluated, tmp_path, monkeypatch, capsys):
    def fails(subject):
        raise ZeroDivisionError("by <b>zero</b>")

    monkeypatch.setitem(PARTS, "codes", fails)
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    evaluation = evaluated(str(copy), "parts=[reconstruction,codes,pictures]")
    assert evaluation.failed == ["codes"]
    assert evaluation.parts["codes"]["reason"] == "ZeroDivisionError: by <b>zero</b>"
    assert evaluation.parts["pictures"]["status"] == "done"
    assert "Traceback" in (evaluation.folder / "codes_error.txt").read_text()
    page = (evaluation.folder / "report.html").read_text()
    assert "by &lt;b&gt;zero" in page
    assert "<b>zero" not in page
    with pytest.raises(UserError, match=r"Failed: codes \(ZeroDivisionError"):
        show(evaluation)
    assert "MSE" in capsys.readouterr().out
    show(evaluated(str(copy), "parts=[objective]"))  # an old failure fails no new evaluation


def test_a_hostile_name_is_shown_and_does_nothing(runs, evaluated, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    copy = shutil.copytree(runs["ae"].path, tmp_path / name, ignore=shutil.ignore_patterns("evaluation"))
    config = OmegaConf.load(copy / "config.yaml")
    config.changes = ["<script>alert(2)</script>"]
    OmegaConf.save(config, copy / "config.yaml")
    from jlml.evaluation.entry import settings_of
    from jlml.evaluation.one import evaluate_run
    from jlml.runs import Run

    settings = settings_of(jlml.config.plain(jlml.compose("run=x", config_name="evaluate")))
    folder = evaluate_run(Run.open(copy), "best", ["reconstruction"], settings).folder
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert "onerror=alert(1)>" not in page.replace("&gt;", "")
    assert "&lt;script&gt;" in page


def test_a_moved_run_evaluates_where_its_data_is_now(mnist_root, tmp_path):
    words = ("data=mnist", f"data.root={mnist_root}", "trainer=debug", "callbacks=none", "model=ae")
    trained = jlml.train(jlml.compose(*words), tmp_path / "there")
    moved = shutil.move(trained.run.path, tmp_path / "here, renamed")
    config = OmegaConf.load(moved / "config.yaml")
    config.data.root = "/nowhere"
    OmegaConf.save(config, moved / "config.yaml")
    small = OmegaConf.merge(
        jlml.compose("parts=[reconstruction]", config_name="evaluate"), {"run": str(moved)}
    )
    small.data.root = str(mnist_root)
    found = evaluate(small).parts["reconstruction"]["metrics"]["mse"]
    assert found["n"] == 10_000
    small.data.root = None
    with pytest.raises(UserError, match="nowhere"):
        evaluate(small)


def test_fashion_is_not_scored_as_digits(runs, evaluated, monkeypatch):
    from jlml.data import MNISTDataModule

    setup = MNISTDataModule.setup

    def as_fashion(self, stage=None):
        setup(self, stage)
        self.source_name = "fashion_mnist"

    monkeypatch.setattr(MNISTDataModule, "setup", as_fashion)
    part = evaluated("ae", "parts=[generation]", "seed=5").parts["generation"]
    assert part["status"] == "not applicable"
    assert "digits only" in part["reason"]


@pytest.mark.parametrize("spoil", ["labels.npy", "step_00000000.npy"])
def test_damaged_snapshots_cost_no_other_picture(spoil, runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    (copy / "snapshots" / spoil).write_bytes(b"junk")
    part = evaluated(str(copy), "parts=[pictures]").parts["pictures"]
    assert part["status"] == "done"
    assert any(spoil in remark for remark in part["remarks"])
    assert len(part["figures"]) >= 8


def test_the_objective_is_what_training_reported(runs, evaluated):
    part = evaluated("vae", "parts=[objective]").parts["objective"]
    reported = runs["vae"].metrics()["metrics"]
    for name, found in part["metrics"].items():
        assert found["value"] == pytest.approx(reported[f"test/{name}"], rel=1e-6)
    assert part["remarks"] == []
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda part: part["figures"][0].update(file="../config.yaml"),
        lambda part: part["figures"][0].update(file="/etc/passwd"),
        lambda part: part["figures"][0].update(file="gone.png"),
        lambda part: part["metrics"]["mse"].update(value="<script>"),
        lambda part: part["metrics"].update(surprise={"value": 1, "n": 1, "standard_error": None}),
        lambda part: part["metrics"]["mse"].pop("standard_error"),
        lambda part: part.update(status="fine"),
        lambda part: part.update(seconds=None),
        lambda part: part.update(remarks=[{}]),
        lambda part: part.clear(),
    ],
    ids=range(10),
)
def test_earlier_results_that_no_evaluation_writes_are_left_out(spoil, runs, evaluated, tmp_path):
    """A run folder can come from anyone, its evaluation too."""
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    file = evaluated(str(copy), "parts=[reconstruction]").folder / "metrics.json"
    content = json.loads(file.read_text())
    spoil(content["parts"]["reconstruction"])
    content["run"] = "<script>"
    file.write_text(json.dumps(content))
    again = evaluated(str(copy), "parts=[objective]")
    assert list(again.parts) == ["objective"]
    assert again.content["run"] == "run"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"parts": 3}', "null"])
def test_a_damaged_earlier_result_is_no_obstacle(text, runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    (copy / "evaluation").mkdir()
    (copy / "evaluation" / "metrics.json").write_text(text)
    assert list(evaluated(str(copy), "parts=[objective]").parts) == ["objective"]


def test_nothing_is_written_or_shown_through_links(runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (copy / "evaluation").symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        evaluated(str(copy), "parts=[objective]")
    assert not list(outside.iterdir())
    (copy / "evaluation").unlink()
    secret = outside / "secret.png"
    secret.write_bytes(b"secret")
    folder = evaluated(str(copy), "parts=[reconstruction]").folder
    for figure in folder.glob("*.png"):
        figure.unlink()
        figure.symlink_to(secret)
    assert list(evaluated(str(copy), "parts=[objective]").parts) == ["objective"]
    evaluated(str(copy), "parts=[reconstruction]")
    assert secret.read_bytes() == b"secret"
    # a run folder may itself be reached by a link
    (tmp_path / "link").symlink_to(copy)
    assert "objective" in evaluated(str(tmp_path / "link"), "parts=[objective]").parts


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("choices", None, "has no choices and changes"),
        ("changes", [1], "has no choices and changes"),
        ("data", {"_target_": "torch.nn.Identity"}, "does not derive from MNISTDataModule|is missing"),
        ("loss", {"_target_": "torch.nn.Identity"}, "is not jlml.losses.ObservationModel"),
    ],
)
def test_a_config_that_no_run_has_is_refused(key, value, says, runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    config = OmegaConf.load(copy / "config.yaml")
    config[key] = value
    OmegaConf.save(config, copy / "config.yaml")
    with pytest.raises(UserError, match=says):
        evaluated(str(copy), "parts=[objective]")


def test_a_folder_that_cannot_be_written_is_named(runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    (copy / "evaluation" / "metrics.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"metrics.json.* cannot be read or written"):
        evaluated(str(copy), "parts=[objective]")


def test_a_damaged_record_of_training_costs_only_the_comparison_with_it(runs, evaluated, tmp_path):
    copy = shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    for text in ("{", '{"metrics": {"test/loss": "x"}}'):
        (copy / "metrics.json").write_text(text)
        assert evaluated(str(copy), "parts=[objective]").parts["objective"]["status"] == "done"


def test_lambda_is_scored_beside_the_mean(evaluated):
    metrics = evaluated("vae", "parts=[generation]").parts["generation"]["metrics"]
    assert "prior_lambda/frechet_distance" in metrics
    assert metrics["prior_lambda/frechet_distance"] != metrics["prior/frechet_distance"]


@pytest.mark.parametrize("words", [["data.subset=5"], ["model.beta=1000", "latent.dim=64", "data.subset=40"]])
def test_few_images_and_a_collapsed_code_are_no_obstacle(words, data_root, tmp_path, evaluated):
    quick = ("data=mnist_5k", f"data.root={data_root}", "trainer.max_epochs=1", "callbacks=none")
    trained = jlml.train(jlml.compose(*quick, *words), tmp_path)
    evaluation = evaluated(str(trained.run.path))
    assert not evaluation.failed, evaluation.parts
