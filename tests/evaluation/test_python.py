"""The functions for notebooks: images, prepared files, tables of runs, comparisons and figures."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import jlml
from jlml.errors import UserError


def test_the_images_of_a_run_are_those_that_it_was_tested_on(runs):
    for name in ("ae", "conv_vae"):
        images, labels = jlml.images(runs[name])
        assert images.shape == (300, 1, 28, 28)
        assert images.dtype == torch.float32
        assert labels.bincount().tolist() == [30] * 10
        assert jlml.load(runs[name].path).encode(images).shape == (300, 2)
    assert images.unique().tolist() == [0, 1]  # this run has binarized pixels


def test_files_are_prepared_like_the_data_of_a_run(runs, tmp_path):
    images, _ = jlml.images(runs["ae"])
    Image.fromarray((images[0, 0] * 255).byte().numpy()).save(tmp_path / "same.png")
    Image.new("RGB", (90, 50), "white").save(tmp_path / "wide.jpg")
    prepared = jlml.prepare(runs["ae"].path, [tmp_path / "same.png", str(tmp_path / "wide.jpg")])
    assert torch.equal(prepared[0], images[0])
    assert prepared[1, 0, 14].min() > 0.9
    assert prepared[1, 0, 0].max() == 0  # padded
    assert jlml.prepare(runs["conv_ae"], [tmp_path / "same.png"]).shape == (1, 1, 32, 32)
    with pytest.raises(UserError, match="none.png cannot be read as an image"):
        jlml.prepare(runs["ae"], [tmp_path / "none.png"])
    with pytest.raises(UserError, match="got no files"):
        jlml.prepare(runs["ae"], [])


def test_runs_are_found_as_a_table(runs, tmp_path):
    parent = runs["ae"].path.parent
    for where in (parent, f"{parent}/**"):
        table = jlml.find_runs(where)
        assert isinstance(table, pd.DataFrame)
        assert sorted(table["model"]) == ["ae", "conv_ae", "conv_vae", "vae"]
        assert table.set_index("model").loc["conv_ae", "data.image_size"] == 32
        assert np.isfinite(table["test/mse"]).all()
        assert set(table.columns) > {"name", "tags", "note"}
    (tmp_path / "odd" / "checkpoints").mkdir(parents=True)
    (tmp_path / "odd" / "config.yaml").write_text("seed: [")
    assert jlml.find_runs(tmp_path)["state"][0].startswith("cannot be read: ")
    assert list(jlml.find_runs(tmp_path / "nothing").columns) == ["run", "state"]


def test_evaluate_takes_a_run_and_keys(runs):
    for run in (runs["ae"], runs["ae"].path, str(runs["ae"].path)):
        assert jlml.evaluate(run, parts=["objective"]).parts["objective"]["status"] == "done"
    with pytest.raises(UserError, match="part is not a key of evaluate.py. Did you mean parts"):
        jlml.evaluate(runs["ae"], part=["objective"])
    with pytest.raises(UserError, match="tsne_images=0 is invalid"):
        jlml.evaluate(runs["ae"], tsne_images=0)
    with pytest.raises(UserError, match="data.path says nothing about mnist_5k"):
        jlml.evaluate(runs["ae"], parts=["objective"], data={"path": "elsewhere"})


def test_compare_takes_runs(runs, tmp_path):
    comparison = jlml.compare(
        [runs["ae"], runs["conv_vae"].path], parts=["objective"], output_dir=str(tmp_path)
    )
    assert len(comparison.groups) == 2
    assert (tmp_path / "comparison.html").is_file()
    with pytest.raises(UserError, match="at least two runs"):
        jlml.compare([runs["ae"]])


@pytest.mark.parametrize("name", ["ae", pytest.param("vae", marks=pytest.mark.robustness)])
def test_plots_are_figures(runs, name, tmp_path):
    run = runs[name]
    figures = [
        jlml.plots.reconstructions(run, images=[3, 5]),
        jlml.plots.latent_scatter(run),
        jlml.plots.decoded_plane(run, axes=(2, 1), x=(-50, 50), side=4),
        jlml.plots.interpolation(run, 0, 7, steps=4),
        jlml.plots.traversal(run, image=2, dimensions=[1]),
        jlml.plots.samples(run, "mixture", count=12),
    ]
    for number, figure in enumerate(figures):
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    figures[1].savefig(tmp_path / "codes.svg")
    assert "Codes of 300 test images" in (tmp_path / "codes.svg").read_text()


@pytest.mark.parametrize(
    ("plot", "options", "message"),
    [
        ("reconstructions", {"images": [300]}, "There is no test image 300: expected 0 to 299."),
        ("decoded_plane", {"axes": (1, 9)}, r"plane.axes=\[1,9\] is invalid for latent dim 2"),
        ("traversal", {"dimensions": [3]}, "There is no dimension 3: expected 1 to 2."),
        ("samples", {"sampler": "posterior"}, "There is no sampler posterior: expected one of prior"),
    ],
)
def test_what_cannot_be_plotted_is_explained(runs, plot, options, message):
    with pytest.raises(UserError, match="A decoded plane needs two latent dimensions"):
        jlml.plots.decoded_plane(runs["conv_ae"])
    with pytest.raises(UserError, match=message):
        getattr(jlml.plots, plot)(runs["ae"], **options)


@pytest.mark.robustness
@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_every_figure_is_also_written_for_print(runs, kind, tmp_path):
    evaluation = jlml.evaluate(runs["ae"], parts=["reconstruction", "codes", "pictures"], figures=kind)
    assert not evaluation.failed
    figures = [figure["file"] for part in evaluation.parts.values() for figure in part.get("figures", [])]
    written = {file.stem for file in evaluation.folder.glob(f"*.{kind}")}
    assert {
        name.removesuffix(".png") for name in figures if name.startswith(("rec", "pic")) and "png" in name
    } <= written
    one = evaluation.folder / f"pictures_reconstructions.{kind}"
    if kind == "svg":
        texts = "".join(ET.parse(one).getroot().itertext())
        assert "Test images and their reconstructions" in texts  # text, not pixels
    else:
        assert one.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["vae", pytest.param("ae", marks=pytest.mark.robustness)])
def test_every_image_has_a_row_of_numbers(runs, name):
    evaluation = jlml.evaluate(runs[name], parts=["tsne", "images"], training_images=True, tsne_images=100)
    table = pd.read_csv(evaluation.folder / "images.csv")
    images, labels = jlml.images(runs[name])
    model = jlml.load(runs[name].path)
    codes = model.encode(images).detach().numpy()
    dims = model.latent_dim
    assert table["index"].tolist() == list(range(300))
    assert table["label"].tolist() == labels.tolist()
    assert np.allclose(table[[f"z{n + 1}" for n in range(dims)]], codes, rtol=1e-4, atol=1e-5)
    assert np.allclose(table["distance"], np.linalg.norm(codes, axis=1), rtol=1e-4)
    assert table["tsne_1"].notna().sum() == 100
    train = pd.read_csv(evaluation.folder / "images_train.csv")
    of_train = train[[f"z{n + 1}" for n in range(dims)]].to_numpy()
    nearest = np.linalg.norm(codes[7] - of_train, axis=1).argmin()
    assert table["nearest_label"][7] == train["label"][nearest]
    others = np.linalg.norm(of_train[7] - of_train, axis=1)
    others[7] = np.inf
    assert train["nearest_label"][7] == train["label"][others.argmin()]
    assert "tsne_1" not in train
    again = jlml.evaluate(runs[name], parts=["objective"], training_images=True, tsne_images=100)
    assert {"images", "tsne", "objective"} <= again.parts.keys()  # another part keeps these
    if name == "vae":
        variance = model.posterior(images)[1].exp().sum(1).sqrt().detach()
        assert np.allclose(table["radius"], variance, rtol=1e-4)
        assert np.allclose(table["loss"], table["nll"] + table["kl"], rtol=1e-4)
    assert (evaluation.folder / "images_by_class.png").is_file()


def test_blurred_pictures_have_less_gradient_energy_and_pixels_are_a_baseline(runs):
    evaluation = jlml.evaluate(runs["ae"], parts=["reconstruction", "baselines", "codes"])
    metrics = evaluation.metrics
    assert metrics["reconstruction/gradient_energy"] < metrics["reconstruction/test_images/gradient_energy"]
    assert metrics["baselines/mean_image/gradient_energy"] < metrics["baselines/pca/gradient_energy"]
    assert metrics["baselines/pixels/knn_1"] > 0.7
    assert "raw pixels" in (evaluation.folder / "report.html").read_text()
