"""What a run writes for TensorBoard, read from its events file, and its snapshots."""

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2

import jlml
from conftest import QUICK
from jlml.data import ImageDataModule
from jlml.data.source import Source
from jlml.pictures import Samples, Snapshots
from jlml.pictures.drawing import DrawingContext, eval_mode

MANIFOLD, SAMPLES = "pictures/manifold", "pictures/samples"
PICTURES = {
    "pictures/reconstructions",
    "pictures/latent_scatter",
    "pictures/interpolations",
    "pictures/posterior",
    SAMPLES,
}


def events_of(run) -> EventAccumulator:
    events = EventAccumulator(str(run.path), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    root = f"data.root={data_root}"
    config = (*QUICK, root, "loss=cont_bern", "trainer.max_epochs=3", "draw_every=2")
    return jlml.train(*config, parent=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def events(trained):
    return events_of(trained.run)


def test_every_picture_is_drawn_before_training_every_n_epochs_and_at_the_end(trained, events):
    steps = trained.trainer.global_step // 3
    assert set(events.Tags()["images"]) == PICTURES | {MANIFOLD}
    for tag in events.Tags()["images"]:
        images = events.Images(tag)
        assert [image.step for image in images] == [0, 2 * steps, 3 * steps]
        assert len({image.encoded_image_string for image in images}) == 3


def test_each_split_has_its_own_curves_of_terms_and_common_metrics(trained):
    names = {"loss", "nll", "kl", "beta_kl", "elbo", "mse", "bce"}
    of_train, of_val = {"lr", "images_per_second", "epoch_loss"}, {"active_units", "code_std"}
    for split, others in (("train", of_train), ("val", of_val), ("test", set())):
        scalars = EventAccumulator(str(trained.run.path / split)).Reload()
        assert set(scalars.Tags()["scalars"]) == {f"metrics/{name}" for name in names | others}
    assert events_of(trained.run).Tags()["scalars"] == []
    validated = EventAccumulator(str(trained.run.path / "val")).Reload().Scalars("metrics/loss")
    assert [event.step for event in validated] == [4, 9, 14]  # step indices


def test_hparams_contain_choices_and_final_test_metrics(trained):
    (file,) = trained.run.path.glob("events.out.tfevents.*")
    summaries = {
        value.tag: plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in LegacyEventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    }
    chosen = summaries["_hparams_/session_start_info"].session_start_info.hparams
    assert chosen["model"].string_value == "vae"
    assert chosen["latent.dim"].number_value == 2
    assert chosen["data"].string_value == "mnist_5k"
    assert chosen["model.hidden"].string_value == "[500,500]"
    experiment = summaries["_hparams_/experiment"].experiment
    assert [info.name for info in experiment.hparam_infos][:4] == ["model", "loss", "latent.dim", "data"]
    config = trained.run.config()
    assert all(key.split(".")[1] in config[key.split(".")[0]] for key in chosen if "." in key)
    columns = [info.name for info in experiment.metric_infos]
    assert {column.group for column in columns} == {"test"}
    tags = EventAccumulator(str(trained.run.path / "test")).Reload().Tags()["scalars"]
    assert {column.tag for column in columns} <= set(tags)


def test_the_projector_has_codes_labels_and_a_sprite(trained):
    config = (trained.run.path / "projector_config.pbtxt").read_text()
    assert config.count("embeddings {") == 1
    folder = next(trained.run.path.glob("*/codes"))
    rows = (folder / "tensors.tsv").read_text().splitlines()
    assert len(rows) == 300
    assert all(row.split("\t")[2] in ("0", "0.0") for row in rows)  # 2-D codes get a third column
    assert len((folder / "metadata.tsv").read_text().split()) == 300
    assert (folder / "sprite.png").stat().st_size > 1000


def test_snapshots_contain_codes_of_the_same_images_during_training(trained):
    folder = trained.run.path / "snapshots"
    files = sorted(folder.glob("step_*.npy"))
    assert [int(file.stem.split("_")[1]) for file in files] == [0, 5, 10, 15]
    codes = np.load(files[-1])
    images, labels = trained.data.validation_batch(500)
    assert np.array_equal(np.load(folder / "labels.npy"), labels.numpy())
    last = jlml.load(trained.run.path, checkpoint="last")
    np.testing.assert_allclose(codes, last.encode(images).detach().numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.robustness
def test_one_picture_or_all_can_be_removed_and_the_weights_stay_the_same(tmp_path):
    some = jlml.train(*QUICK, "~callbacks.samples", "~callbacks.projector", parent=tmp_path)
    assert set(events_of(some.run).Tags()["images"]) == (PICTURES | {MANIFOLD}) - {SAMPLES}
    none = jlml.train(*QUICK[:-1], "callbacks=none", parent=tmp_path)
    assert events_of(none.run).Tags()["images"] == []
    bare = jlml.train(*QUICK, "logger=none", parent=tmp_path)
    assert not list(bare.run.path.glob("events*"))
    # pictures do not affect the model: three runs have the same weights
    for other in (none, bare):
        for first, second in zip(some.model.parameters(), other.model.parameters(), strict=True):
            assert first.equal(second)


def test_without_tensorboard_only_snapshots_are_drawn(tmp_path, monkeypatch):
    drawn = []
    for drawing in (Samples, Snapshots):
        monkeypatch.setattr(drawing, "draw", lambda self, context: drawn.append(type(self)))
    jlml.train(*QUICK, "logger=none", parent=tmp_path)
    assert set(drawn) == {Snapshots}


class Flags(ImageDataModule):
    """Colour images of one class."""

    def __init__(self, name, **options):
        super().__init__(**options)

    def read(self):
        images = torch.randint(256, (300, 3, 8, 8), dtype=torch.uint8)
        return Source("flags", images, torch.zeros(300, dtype=torch.long), ("flag",), "v1")


def test_colour_images_are_drawn(tmp_path):
    config = jlml.compose(*QUICK, "model=ae")
    config.data = {"_target_": "test_callbacks.Flags", "name": "flags", "batch_size": 100, "pixels": "grey"}
    run = jlml.train(config, parent=tmp_path).run
    assert {SAMPLES, MANIFOLD} <= set(events_of(run).Tags()["images"])
    assert run.config(trust=True)["data"]["name"] == "flags"  # the run of a user's data set can be opened


@pytest.mark.robustness
def test_codes_of_one_and_five_dimensions_are_drawn_without_a_manifold(tmp_path):
    for dim in (1, 5):
        run = jlml.train(*QUICK, "model=ae", f"latent.dim={dim}", parent=tmp_path).run
        of_ae = PICTURES - {"pictures/posterior"} | {"pictures/code_spread"}
        assert set(events_of(run).Tags()["images"]) == of_ae  # without a 2-D code there is no manifold


def test_each_image_is_encoded_once_for_all_pictures_of_a_step(trained, monkeypatch):
    model, encoded = trained.model, []
    monkeypatch.setattr("jlml.pictures.drawing.ENCODED_AT_ONCE", 64)
    monkeypatch.setattr(type(model), "posterior", counting(type(model).posterior, encoded))
    context, other = DrawingContext(trained.trainer, model), DrawingContext(trained.trainer, model)
    with eval_mode(model):
        some = context.codes(100)
        assert encoded == [64, 64]
        codes = context.codes(10_000)  # more than there are
        assert len(codes) == sum(encoded) == len(trained.data.validation_labels)
        mean, log_variance = context.posterior(123)
        assert sum(encoded) == len(codes)
        assert torch.equal(some, codes[:100])
        assert torch.equal(mean, codes[:123])
        assert torch.equal(mean, other.codes(123))  # also from another context and with another count
        assert mean.shape == log_variance.shape == (123, model.latent_dim)


def counting(method, sizes):
    def counted(self, images):
        sizes.append(len(images))
        return method(self, images)

    return counted
