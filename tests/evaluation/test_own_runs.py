"""Users' own data from training to report: colour, other sizes, no classes, known factors, moved files."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image
from torch import nn

import jlml
from conftest import SMALL
from jlml.errors import UserError
from jlml.training.resume import resume

QUICK = ("trainer.max_epochs=1", "data.batch_size=32", "draw_every=null")
RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("JLML_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def paint(folder, colours=("red", "blue")):
    """Writes colour images of two classes, and of many sizes."""
    for name in colours:
        (folder / name).mkdir(parents=True)
        for number in range(130):
            size = RANDOM.integers(14, 40, 2)
            image = Image.new("RGB", tuple(map(int, size)), name)
            image.putpixel((number % 14, 3), (255, 255, 255))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return paint(tmp_path_factory.mktemp("own") / "pictures")


@pytest.fixture(scope="module")
def colour_run(pictures, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JLML_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        model = ("model=conv_vae", "model.channels=[4,8]", "model.hidden=[16]", "loss=mse", "latent=d2")
        data = ("data=folder", f"data.root={pictures}", "data.image_size=12", "data.fit=crop")
        return jlml.train(*QUICK, *model, *data, parent=tmp_path_factory.mktemp("runs")).run


def evaluated(run, *overrides):
    return jlml.evaluate(f"run={run.path}", *SMALL, *overrides)


def statuses(evaluation):
    return {name: part["status"] for name, part in evaluation.parts.items() if part["status"] != "done"}


class MeanColour(nn.Module):
    """Features of an image: its mean in each channel, and its spread."""

    def forward(self, images):
        return nn.functional.normalize(images.flatten(1), dim=1)[:, ::40]


def test_a_folder_of_colour_images_is_trained_evaluated_and_explored(colour_run):
    assert "pictures" in colour_run.path.name
    evaluation = evaluated(colour_run)
    assert statuses(evaluation) == {"generation": "not applicable", "tsne": "not applicable"}
    assert "name a network for their features" in evaluation.parts["generation"]["reason"]
    assert (
        evaluation.content["data"] | {"fit": "crop", "image_shape": [3, 12, 12]} == evaluation.content["data"]
    )
    assert "reconstruction/by_class/red/mse" in evaluation.metrics
    assert '"channels":3' in (evaluation.folder / "explorer.html").read_text().replace(" ", "")


@pytest.mark.robustness
def test_generated_images_are_scored_in_the_features_that_the_user_names(colour_run):
    named = f"{MeanColour.__module__}.MeanColour"
    evaluation = evaluated(colour_run, "parts=[generation]", f"features={named}")
    assert evaluation.metrics["generation/prior/frechet_distance"] > 0
    assert evaluation.metrics["generation/real_test_images/precision"] > 0.5
    assert not any("confidence" in name for name in evaluation.metrics)
    assert f"Features: {named}, sha256" in evaluation.parts["generation"]["notes"][0]
    for wrong, message in (
        ("torch.nn.Linear", "features=torch.nn.Linear cannot be called without arguments"),
        ("builtins.dict", "features=builtins.dict returns a dict, expected a torch.nn.Module"),
        ("torch.nn.Identity", r"features=torch.nn.Identity returns the shape \(26, 3, 12, 12\)"),
        ("nowhere.Net", "features._target_=nowhere.Net cannot be imported"),
    ):
        part = evaluated(colour_run, "parts=[generation]", f"features={wrong}").parts["generation"]
        assert part["status"] == "failed"
        assert re.search(message, part["reason"])


@pytest.mark.robustness
def test_changed_and_moved_files_are_noticed(colour_run, pictures, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(pictures, moved)
    run = jlml.runs.Run(shutil.copytree(colour_run.path, tmp_path / "run"))
    text = (run.path / "config.yaml").read_text()
    (run.path / "config.yaml").write_text(text.replace(str(pictures), str(tmp_path / "gone")))
    with pytest.raises(UserError, match="gone, where the run had its data, has no pictures. Name the folder"):
        evaluated(run, "parts=[objective]")
    assert evaluated(run, "parts=[objective]", f"data.root={moved}").metrics["objective/loss"] is not None
    with pytest.raises(UserError, match=r"data.path says nothing about pictures.* Use data.root"):
        evaluated(run, "parts=[objective]", f"data.path={moved}")
    Image.new("RGB", (20, 20), "green").save(moved / "red" / "0.png")
    with pytest.raises(UserError, match="The data pictures.* have changed since this run was trained"):
        evaluated(run, "parts=[objective]", f"data.root={moved}")
    with pytest.raises(UserError, match="The data pictures.* have changed since this run was trained"):
        resume(run.path, [f"data.root={moved}", "trainer.max_epochs=2"])
    assert resume(run.path, [f"data.root={pictures}", "trainer.max_epochs=2"]).run.state() == "finished"


@pytest.mark.robustness
def test_two_folders_never_share_a_table(colour_run, pictures, tmp_path):
    other = paint(tmp_path / "pictures", ("red", "yellow"))
    overrides = (
        *QUICK,
        "model=ae",
        "model.hidden=[8]",
        "data=folder",
        "data.image_size=12",
        "callbacks=none",
    )
    runs = [
        jlml.train(*overrides, f"data.root={root}", f"loss={loss}", parent=tmp_path / "runs").run
        for root, loss in ((pictures, "mse"), (other, "mse"), (pictures, "bce"))
    ]
    comparison = jlml.evaluate(f"runs={tmp_path / 'runs'}", "parts=[reconstruction]")
    assert len(comparison.groups) == len(runs)
    page = (comparison.folder / "comparison.html").read_text()
    assert page.count("<h2") >= 2


def test_images_without_classes_leave_out_what_needs_them(tmp_path):
    path = tmp_path / "noise.npz"
    np.savez(path, images=RANDOM.integers(0, 256, (400, 10, 14, 3), dtype=np.uint8))
    model = ("model=ae", "model.hidden=[16]", "loss=bce", "data=npz", f"data.path={path}")
    run = jlml.train(*QUICK, *model, "callbacks=default", parent=tmp_path).run
    evaluation = evaluated(run)
    assert statuses(evaluation) == dict.fromkeys(("likelihood", "generation", "tsne"), "not applicable")
    assert "codes/trustworthiness" in evaluation.metrics
    assert "codes/knn_5" not in evaluation.metrics
    assert "Scores of classes need 25 images with a class" in evaluation.parts["codes"]["notes"][0]
    assert "Class medians need images with classes." in evaluation.parts["pictures"]["notes"]
    figures = {figure["file"] for figure in evaluation.parts["pictures"]["figures"]}
    assert {"pictures_latent_scatter.png", "pictures_interpolations.png"} <= figures


def test_known_factors_are_read_from_codes(tmp_path):
    options = ("data=sprites", "data.images=600", "model=ae", "model.hidden=[32]", "latent.dim=4", "loss=mse")
    run = jlml.train(*QUICK, *options, "callbacks=none", "trainer.max_epochs=8", parent=tmp_path).run
    evaluation = evaluated(run, "parts=[codes,baselines]")
    metrics = evaluation.metrics
    assert 0 < metrics["codes/mig"] < 0.5
    assert metrics["codes/factors/x/linear_r2"] > 0.7
    assert metrics["codes/factors/angle/linear_r2"] < 0.5
    assert metrics["codes/factors/shape/linear_probe"] > 0.4
    assert metrics["baselines/pca/mig"] > 0
    assert (evaluation.folder / "codes_factors.png").is_file()
    assert "Known factors" in (evaluation.folder / "report.html").read_text()


@pytest.mark.robustness
def test_every_model_and_loss_trains_on_own_data(pictures, tmp_path):
    path = tmp_path / "wide.npz"
    labels = np.arange(200) % 4 - 1
    np.savez(path, images=RANDOM.integers(0, 256, (200, 3, 9, 17), dtype=np.uint8), labels=labels)
    small = ("model.hidden=[8]", "latent=d2")
    sources = (
        ("data=npz", f"data.path={path}"),
        ("data=folder", f"data.root={pictures}", "data.image_size=16"),
    )
    for data in sources:
        for model in ("ae", "vae", "conv_ae", "conv_vae"):
            for loss in ("mse", "bce", "cont_bern"):
                run = jlml.train(*QUICK, *data, *small, f"model={model}", f"loss={loss}", parent=tmp_path).run
                assert run.state() == "finished"
                assert "failed" not in statuses(evaluated(run)).values()
