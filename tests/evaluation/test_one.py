"""The evaluation of one run, for every model: results, written files and the report."""

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import jlml
from conftest import QUICK, ROOT
from jlml.cli.evaluated import show
from jlml.comparison.quantities import QUANTITIES, quantity_of
from jlml.errors import UserError
from jlml.evaluation.entry import evaluate
from jlml.evaluation.part_tables import tables_of
from jlml.evaluation.parts import PARTS
from jlml.evaluation.parts.steps import LENGTHS
from jlml.evaluation.summary import summary_of
from jlml.models import AE, VAE
from jlml.runs import Run


@pytest.fixture
def copy(runs, tmp_path):
    """A copy of a run without its evaluation."""
    return shutil.copytree(runs["ae"].path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))


def check(evaluation, without=()):
    """Checks that every part was evaluated and that its results are in the files and the report."""
    content = json.loads((evaluation.folder / "metrics.json").read_text())
    assert content == evaluation.content
    statuses = {part: result["status"] for part, result in content["parts"].items()}
    assert {part for part, status in statuses.items() if status != "done"} == set(without)
    for result in content["parts"].values():
        for metric, found in result.get("metrics", {}).items():
            assert found["unit"] == quantity_of(metric).unit
            assert found["n"] >= 1
            assert found["value"] is not None
        for figure in result.get("figures", []):
            with Image.open(evaluation.folder / figure["file"]) as picture:
                assert np.asarray(picture.convert("RGB")).std() > 5, figure  # the picture is not empty
            assert figure["caption"].endswith(".")
    page = (evaluation.folder / "report.html").read_text()
    figures = sum(len(result.get("figures", [])) for result in content["parts"].values())
    assert page.count('src="data:image/') == figures
    assert not re.search(r'src="(?!data:)', page)  # the page loads no other file
    links = set(re.findall(r'href="([^#][^"]*)"', page))
    assert links <= {quantity.link for quantity in QUANTITIES.values()} | {"explorer.html"}


def test_every_part_of_a_vae_is_evaluated(evaluated, runs):
    evaluation = evaluated("vae")
    assert list(evaluation.parts) == [part for part in PARTS if part != "read_as"]  # it is on request
    check(evaluation)
    objective = evaluation.parts["objective"]
    for name, found in objective["metrics"].items():  # equal to the number that training reported
        assert found["value"] == pytest.approx(runs["vae"].metrics()["metrics"][f"test/{name}"], rel=1e-6)
    assert objective["notes"] == []
    lambda_, mean = (f"generation/{sampler}/frechet_distance" for sampler in ("prior_lambda", "prior"))
    assert evaluation.metrics[lambda_] != evaluation.metrics[mean]


@pytest.mark.robustness
def test_every_part_of_an_autoencoder_with_one_latent_dim_and_larger_images_is_evaluated(evaluated):
    check(evaluated("conv_ae"), without=["likelihood"])


def test_a_score_and_its_standard_error_are_those_of_the_test_images(evaluated, runs):
    """Computes the mean over test images and its standard error directly from the loaded model."""
    found = evaluated("ae", "parts=[reconstruction]").parts["reconstruction"]["metrics"]["mse"]
    model = jlml.load(runs["ae"].path)
    data = jlml.config.make(runs["ae"].config()["data"], "data")
    data.setup()
    images = data.test_images.float() / 255
    errors = (model.decode(model.encode(images)) - images).square().mean((1, 2, 3)).double()
    assert found["n"] == len(images) == 300
    assert found["value"] == pytest.approx(errors.mean().item(), rel=1e-5)
    assert found["standard_error"] == pytest.approx(errors.std().item() / 300**0.5, rel=1e-5)


@pytest.mark.robustness
def test_the_batch_size_does_not_affect_the_scores(evaluated):
    """With batches of 70, the last one is smaller, both for 300 images and for 200 samples."""
    parts = "parts=[reconstruction,likelihood,codes,generation]"
    expected = evaluated("conv_vae", parts).metrics
    for metric, value in evaluated("conv_vae", parts, "batch_size=70").metrics.items():
        assert value == pytest.approx(expected[metric], rel=2e-4, abs=1e-4), metric


def test_results_of_a_part_are_reused_if_its_settings_are_equal(copy, evaluated):
    assert list(evaluated(str(copy), "parts=[codes]").parts) == ["codes"]
    assert list(evaluated(str(copy), "parts=[reconstruction]").parts) == ["reconstruction", "codes"]
    # settings that do not change the numbers of a part
    others = ("parts=[codes]", "batch_size=50", "plane.axes=[2,1]", "importance_samples=5")
    assert list(evaluated(str(copy), *others).parts) == ["reconstruction", "codes"]
    assert list(evaluated(str(copy), "parts=[codes]", "seed=1").parts) == ["codes"]
    assert evaluated(str(copy), "parts=[codes]", "checkpoint=last").folder.name == "last"
    assert json.loads((copy / "evaluation/metrics.json").read_text())["checkpoint"]["which"] == "best"


def test_an_evaluation_keeps_the_parts_that_another_one_has_written_in_the_meantime(
    copy, evaluated, monkeypatch
):
    codes = PARTS["codes"]

    def slow(subject):
        evaluated(str(copy), "parts=[reconstruction]")
        return codes(subject)

    monkeypatch.setitem(PARTS, "codes", slow)
    evaluation = evaluated(str(copy), "parts=[codes]")
    assert list(evaluation.parts) == ["reconstruction", "codes"]
    check(evaluation)


def test_parts_that_are_replaced_because_the_settings_differ_are_named(copy, evaluated, caplog):
    evaluated(str(copy), "parts=[reconstruction,codes]")
    evaluated(str(copy), "parts=[codes]", "seed=9")
    assert "no longer has reconstruction: another checkpoint, version or settings" in caplog.text


def test_a_lock_that_is_a_link_is_refused_and_its_target_is_kept(copy, evaluated, tmp_path):
    (tmp_path / "target").write_text("mine")
    (copy / "evaluation").mkdir()
    (copy / "evaluation/.lock").symlink_to(tmp_path / "target")
    with pytest.raises(UserError, match=r"\.lock is a link"):
        evaluated(str(copy), "parts=[codes]")
    assert (tmp_path / "target").read_text() == "mine"


@pytest.mark.robustness
def test_evaluations_of_one_run_at_the_same_time_lose_no_part(copy):
    parts = ("objective", "reconstruction", "baselines", "codes")
    processes = [
        subprocess.Popen([sys.executable, "evaluate.py", f"run={copy}", f"parts=[{part}]"], cwd=ROOT)
        for part in parts
    ]
    assert [process.wait(300) for process in processes] == [0] * 4
    content = json.loads((copy / "evaluation" / "metrics.json").read_text())
    assert sorted(content["parts"]) == sorted(parts)
    page = (copy / "evaluation" / "report.html").read_text()
    assert all(f'id="{part}"' in page for part in parts if part != "baselines")  # beside the others' scores


def test_a_failing_part_does_not_stop_the_others(copy, evaluated, monkeypatch, capsys):
    def fails(subject):
        raise ZeroDivisionError("by <b>zero</b>")

    monkeypatch.setitem(PARTS, "codes", fails)
    evaluation = evaluated(str(copy), "parts=[reconstruction,codes,objective]")
    assert evaluation.failed == ["codes"]
    assert evaluation.parts["codes"]["reason"] == "ZeroDivisionError: by <b>zero</b>"
    assert evaluation.parts["objective"]["status"] == "done"
    assert "Traceback" in (evaluation.folder / "codes_error.txt").read_text()
    page = (evaluation.folder / "report.html").read_text()
    assert "by &lt;b&gt;zero" in page
    assert "<b>zero" not in page
    with pytest.raises(UserError, match=r"Failed: codes \(ZeroDivisionError"):
        show(evaluation)
    assert "MSE" in capsys.readouterr().out
    show(evaluated(str(copy), "parts=[objective]"))  # a recorded failure of another part is not an error now


def test_damaged_snapshots_do_not_prevent_other_pictures(copy, evaluated):
    (copy / "snapshots" / "labels.npy").write_bytes(b"junk")
    part = evaluated(str(copy), "parts=[pictures]").parts["pictures"]
    assert part["status"] == "done"
    assert any("labels.npy" in note for note in part["notes"])
    assert len(part["figures"]) >= 8


def test_a_damaged_training_record_does_not_prevent_an_evaluation(copy, evaluated):
    (copy / "metrics.json").write_text('{"metrics": {"test/loss": "x"}}')
    assert evaluated(str(copy), "parts=[objective]").parts["objective"]["status"] == "done"


@pytest.mark.parametrize(
    "losses",
    [
        (3.0, float("inf"), float("nan")),
        pytest.param((3.0, 1e308, -1e308), marks=pytest.mark.robustness),
        pytest.param((1e299, -1e299, 2.0), marks=pytest.mark.robustness),
    ],
)
def test_losses_of_a_diverged_or_damaged_history_are_left_out_of_its_curve(copy, evaluated, losses):
    rows = [f"{epoch},{epoch},{loss}\n" for epoch, loss in enumerate(losses, start=1)]
    (copy / "history.csv").write_text("".join(["epoch,step,val/loss\n", *rows]))
    part = evaluated(str(copy), "parts=[pictures]").parts["pictures"]
    assert part["status"] == "done"


@pytest.mark.robustness  # reads full MNIST
def test_a_moved_run_is_evaluated_with_data_in_another_folder(mnist_root, tmp_path):
    overrides = ("data=mnist", f"data.root={mnist_root}", "trainer=debug", "callbacks=none", "model=ae")
    trained = jlml.train(*overrides, parent=tmp_path / "there")
    moved = shutil.move(trained.run.path, tmp_path / "here, renamed")
    file = moved / "config.yaml"
    file.write_text(file.read_text().replace(str(mnist_root), "/nowhere"))
    config = jlml.compose("parts=[reconstruction]", f"data.root={mnist_root}", config_name="evaluate")
    config.run = str(moved)
    assert evaluate(config).parts["reconstruction"]["metrics"]["mse"]["n"] == 10_000
    config.data.root = None
    with pytest.raises(UserError, match="nowhere"):
        evaluate(config)


def test_fashion_images_are_not_scored_by_the_digit_classifier(copy, evaluated, monkeypatch):
    from jlml.data import MNISTDataModule

    read = MNISTDataModule.read
    monkeypatch.setattr(MNISTDataModule, "read", lambda self: replace(read(self), is_mnist=False))
    part = evaluated(str(copy), "parts=[generation]").parts["generation"]
    assert part["status"] == "not applicable"
    assert "knows digits" in part["reason"]


def test_the_error_names_a_file_that_cannot_be_written(copy, evaluated):
    (copy / "evaluation" / "metrics.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"metrics.json.* cannot be read or written"):
        evaluated(str(copy), "parts=[objective]")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data.subset=5"], "parts=null"),
        pytest.param(
            ["data.subset=40", "model.beta=1000", "latent=d64"],
            "parts=[likelihood,codes,generation]",
            marks=pytest.mark.robustness,
        ),
    ],
)
def test_few_images_or_a_collapsed_code_can_be_evaluated(overrides, parts, data_root, tmp_path, evaluated):
    quick = ("data=mnist_5k", f"data.root={data_root}", "trainer.max_epochs=1", "callbacks=none")
    trained = jlml.train(*quick, *overrides, parent=tmp_path)
    evaluation = evaluated(str(trained.run.path), parts)
    assert not evaluation.failed, evaluation.parts


@pytest.mark.robustness
def test_a_run_with_one_image_is_evaluated_as_far_as_possible(tmp_path, evaluated):
    run = jlml.train("model=vae", *QUICK, "data.subset=1", parent=tmp_path, progress=[]).run
    evaluation = evaluated(run.path)
    assert evaluation.failed == []
    reasons = {name: part["reason"] for name, part in evaluation.parts.items() if part["status"] != "done"}
    assert "two test images" in reasons["likelihood"]
    notes = evaluation.parts["pictures"]["notes"]
    assert any("two training images" in note for note in notes)


@pytest.mark.robustness
def test_no_covariance_is_computed_for_a_wide_code(tmp_path, evaluated):
    run = jlml.train("model=vae", *QUICK, "latent.dim=257", parent=tmp_path, progress=[]).run
    evaluation = evaluated(str(run.path), "parts=[likelihood,generation,pictures]")
    check(evaluation)
    names = set(evaluation.metrics)
    assert {"generation/prior/frechet_distance", "generation/midpoints/frechet_distance"} <= names
    assert not [name for name in names if "gaussian" in name or "mixture" in name or "marginal" in name]
    assert "up to 256 numbers" in " ".join(evaluation.parts["likelihood"]["notes"])


@pytest.mark.robustness
def test_a_wide_code_without_fitted_distributions_has_all_other_pictures(tmp_path, evaluated):
    run = jlml.train("model=ae", *QUICK, "latent.dim=257", parent=tmp_path, progress=[]).run
    part = evaluated(str(run.path), "parts=[pictures]").parts["pictures"]
    assert part["status"] == "done"
    assert "up to 256 numbers" in " ".join(part["notes"])


def test_the_angles_of_a_linear_decoder_are_those_of_its_weights(tmp_path, evaluated, data_root):
    common = (*QUICK[:-1], "trainer.max_epochs=1", f"data.root={data_root}", "callbacks=none")
    run = jlml.train("experiment=pca_linear", *common, parent=tmp_path, progress=[]).run
    part = evaluated(str(run.path), "parts=[baselines]").parts["baselines"]
    one, other = jlml.load(run.path).decoder[0].weight.detach().double().T
    cosine = float((one @ other).abs() / one.norm() / other.norm())
    assert part["metrics"]["smallest_weight_angle"]["value"] == pytest.approx(math.degrees(math.acos(cosine)))
    assert 0 < part["metrics"]["smallest_angle"]["value"] < part["metrics"]["largest_angle"]["value"] < 90
    assert [figure["file"] for figure in part["figures"]] == ["baselines_angles.png"]
    titles = [
        table.header[0] or table.rows[0][0].text
        for table in tables_of("baselines", {"baselines": part, "codes": {}})
    ]
    assert titles == ["largest principal angle ↓"]


def test_a_nonlinear_decoder_has_no_angles(evaluated):
    assert not [name for name in evaluated("ae", "parts=[baselines]").metrics if "angle" in name]


def test_longer_steps_change_the_picture_more_and_the_scale_of_the_codes_does_not_matter(copy, evaluated):
    before = evaluated(str(copy), "parts=[steps]").metrics
    changes = [before[f"steps/step_{length:g}/picture_change"] for length in LENGTHS]
    assert changes == sorted(changes)
    assert changes[0] > 0
    assert all(0 <= before[f"steps/step_{length:g}/same_digit"] <= 1 for length in LENGTHS)
    rescale(Run.open(copy), 10.0)
    after = evaluated(str(copy), "parts=[steps]").metrics
    assert after == pytest.approx(before, rel=1e-3)


def rescale(run, factor):
    """Multiplies the codes of an autoencoder, and lets its decoder divide them."""
    file = run.checkpoint("best")
    content = torch.load(file, weights_only=True)
    weights = content["state_dict"]
    last = max(int(name.split(".")[1]) for name in weights if name.startswith("encoder."))
    for name in (f"encoder.{last}.weight", f"encoder.{last}.bias"):
        weights[name] *= factor
    weights["decoder.0.weight"] /= factor
    torch.save(content, file)


def test_the_median_of_each_class_is_scored(evaluated):
    evaluation = evaluated("vae", "parts=[generation]")
    found = evaluation.metrics
    of_class = [found[f"generation/class_medians_lambda/{n}/recognised"] for n in range(10)]
    assert set(of_class) <= {0.0, 1.0}
    assert sum(of_class) / 10 == pytest.approx(found["generation/class_medians_lambda/recognised"])
    tables = {table.title: table for table in tables_of("generation", evaluation.parts, "lambda")}
    assert [row[0].text for row in tables["The median of each class, as lambda"].rows] == [*"0123456789"]


def test_planes_are_decoded_over_a_chosen_range(copy, evaluated):
    def planes(*overrides):
        evaluation = evaluated(str(copy), "parts=[pictures]", *overrides)
        figures = {figure["file"]: figure["caption"] for figure in evaluation.parts["pictures"]["figures"]}
        return figures["pictures_plane_axes.png"], (
            evaluation.folder / "pictures_plane_axes.png"
        ).read_bytes()

    caption, picture = planes()
    far_caption, far_picture = planes("plane.x=[-50,50]")
    assert "over the region of test codes" in caption
    assert "over a chosen range" in far_caption
    assert picture != far_picture


def content_with(**metrics):
    """The content of a `metrics.json` with values of metrics, by part and name with / for __."""
    parts: dict = {}
    for name, value in metrics.items():
        part, _, metric = name.partition("__")
        metric = metric.replace("__", "/")
        parts.setdefault(part, {"metrics": {}})["metrics"][metric] = {"value": value}
    return {"parts": parts, "latent_dim": 2}


def test_the_summary_names_samples_from_the_models_own_distribution_of_codes():
    content = content_with(
        generation__prior__frechet_distance=9.0,
        generation__gaussian__frechet_distance=5.0,
        generation__mixture__frechet_distance=3.0,
    )
    of_ae = summary_of(content | {"sampled_from": AE.sampled_from})
    of_vae = summary_of(content | {"sampled_from": VAE.sampled_from})
    assert "from a Gaussian fitted to the codes have a Frechet distance of 5.0" in of_ae[0]
    assert "from the prior have a Frechet distance of 9.0" in of_vae[0]
    assert "a mixture fitted to the codes instead give a Frechet distance of 3.0" in of_vae[1]


def test_the_summary_compares_errors_and_says_what_is_worst():
    content = content_with(
        reconstruction__mse=0.04,
        reconstruction__by_class__1__mse=0.01,
        reconstruction__by_class__8__mse=0.06,
        baselines__pca__mse=0.05,
        baselines__mean_image__mse=0.04001,
        codes__knn_5=0.8721,
    )
    error, classes, codes = summary_of(content)
    assert "0.04000 per pixel: 20 % less than PCA (0.05000) and as much as the mean image." in error
    assert classes.startswith("The class with the best reconstructions is 1 (0.01000)")
    assert classes.endswith("the worst 8 (0.06000).")
    assert "87.2 % of the test images get the right class." in codes


def test_for_the_continuous_bernoulli_the_summary_is_about_lambda():
    content = content_with(
        reconstruction__mse=0.9,
        reconstruction__lambda__mse=0.04,
        reconstruction__lambda__by_class__1__mse=0.01,
        reconstruction__lambda__by_class__8__mse=0.06,
        generation__prior__frechet_distance=136.0,
        generation__prior_lambda__frechet_distance=5.86,
        likelihood__elbo=1200.0,
        likelihood__rate=5.0,
        likelihood__distortion=-1205.0,
    )
    text = " ".join(summary_of(content | {"sampled_from": VAE.sampled_from}, shown="lambda"))
    assert "lambda .01 has mean .207" in text
    assert "squared error of 0.04000" in text
    assert "best reconstructions is 1 (0.01000), the one with the worst 8 (0.06000)" in text
    assert "distance of 5.86" in text
    assert "136" not in text
    assert "positive because a density can exceed 1" in text


@pytest.mark.parametrize(("model", "shown"), [("vae", "lambda"), ("ae", "mean")])
def test_no_number_is_in_two_tables(evaluated, model, shown):
    parts = evaluated(model, "parts=[objective,reconstruction,baselines]").parts
    texts = [
        cell.text
        for name in ("objective", "reconstruction", "baselines")
        for table in tables_of(name, parts, shown)
        for row in table.rows
        for cell in row[1:]
        if len(cell.text.partition(" ±")[0].lstrip("0.")) > 4  # others can be equal by chance
        if not cell.text.startswith("1.000 ")
        if "±" in cell.text
    ]
    assert len(texts) > 30
    assert [text for text in set(texts) if texts.count(text) > 1] == []
