"""The ONNX files of a run, run by ONNX Runtime, against the loaded model."""

import logging
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import jlml
from conftest import QUICK, ROOT
from jlml.cli.evaluated import show
from jlml.errors import UserError
from jlml.evaluation.export import Decoder, Encoder
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian
from jlml.models import AE, ConvAE, ConvVAE

onnxruntime = pytest.importorskip("onnxruntime", reason="needs pip install 'jlml[onnx]'")
pytest.importorskip("onnxscript", reason="needs pip install 'jlml[onnx]'")

FAST = (*QUICK[:-1], "callbacks=none")
FILES = ["encoder.onnx", "decoder.onnx"]


@pytest.fixture(scope="module")
def vae(tmp_path_factory, data_root):
    """The run of a small VAE with the continuous Bernoulli."""
    overrides = (*FAST, f"data.root={data_root}", "model=vae", "model.hidden=[32]", "loss=cont_bern")
    return jlml.train(*overrides, parent=tmp_path_factory.mktemp("runs"), progress=[]).run


@pytest.fixture
def copy(vae, tmp_path):
    """A copy of this run, with an evaluation."""
    folder = Path(shutil.copytree(vae.path, tmp_path / "run"))
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "metrics.json").write_text("earlier results")
    return folder


def outputs_of(file, inputs):
    session = onnxruntime.InferenceSession(file)
    (taken,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {taken.name: inputs.numpy()})
    return taken.name, {name: torch.from_numpy(values) for name, values in zip(names, found, strict=True)}


def agree(file, taken, inputs, expected):
    """Checks the names in a file, and its outputs for three batch sizes."""
    for count in (1, 2, len(inputs)):
        name, outputs = outputs_of(file, inputs[:count])
        assert (name, list(outputs)) == (taken, list(expected))
        for output, values in expected.items():
            torch.testing.assert_close(outputs[output], values[:count], atol=1e-4, rtol=1e-4)


@pytest.mark.robustness
def test_the_files_of_a_vae_return_what_its_model_does_and_print_nothing_else(copy, capfd, caplog):
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.WARNING):
        warnings.simplefilter("always")
        show(jlml.evaluate(f"run={copy}", "export=onnx"))
    encoder, decoder, difference = capfd.readouterr().out.splitlines()
    assert caught == caplog.records == []
    assert encoder == f"Encoder  {copy / 'evaluation/encoder.onnx'}"
    assert decoder == f"Decoder  {copy / 'evaluation/decoder.onnx'}"
    assert difference.startswith("Largest difference from PyTorch on 100 test images: ")
    assert float(difference.rpartition(" ")[2]) < 1e-4
    assert (copy / "evaluation/metrics.json").read_text() == "earlier results"

    model = jlml.load(copy)
    images = torch.rand(20, *model.image_shape)
    mean, log_variance = model.posterior(images)
    agree(copy / "evaluation/encoder.onnx", "images", images, {"codes": mean, "log_variance": log_variance})
    codes = torch.randn(20, model.latent_dim) * 3
    lambda_ = model.loss.lambda_(model.decoder(codes))
    agree(copy / "evaluation/decoder.onnx", "codes", codes, {"mean": model.decode(codes), "lambda": lambda_})
    for file in FILES:
        content = (copy / "evaluation" / file).read_bytes()
        described = onnxruntime.InferenceSession(content).get_modelmeta().custom_metadata_map
        assert described["run"] == "run"
        assert described["jlml"] == jlml.__version__
        assert described["loss"].startswith("continuous Bernoulli pixels, limit 0.0001")
        assert str(ROOT).encode() not in content  # the exporter notes the source line of every operation


class Edges(Gaussian):
    """A user's loss, with a picture of its own."""

    def pictures(self, logits):
        return {"mean": self.mean(logits), "edges": logits.diff(dim=3, append=logits[..., -1:]).abs()}


class Negative(AE):
    """A user's model, which works with negatives."""

    def encode(self, images):
        return super().encode(1 - images)

    def decode(self, codes):
        return 1 - super().decode(codes)


@pytest.mark.robustness
def test_a_run_of_users_own_classes_is_exported(tmp_path):
    own = ("model=ae", "model._target_=test_export.Negative", "loss=mse", "loss._target_=test_export.Edges")
    run = jlml.train(*FAST, *own, parent=tmp_path, progress=[]).run
    with pytest.raises(UserError, match="trust=true"):
        jlml.evaluate(f"run={run.path}", "export=onnx")
    exported = jlml.evaluate(f"run={run.path}", "export=onnx", "trust=true", "checkpoint=last")
    assert exported.encoder == run.path / "evaluation/last/encoder.onnx"
    model = jlml.load(run.path, "last", trust=True)
    images = torch.rand(20, *model.image_shape)
    codes = model.encode(images)
    agree(exported.encoder, "images", images, {"codes": codes})
    edges = model.loss.pictures(model.decoder(codes))["edges"]
    agree(exported.decoder, "codes", codes, {"mean": model.decode(codes), "edges": edges})


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            ConvVAE((1, 20, 20), 9, Bernoulli(), code="spatial", activation="silu"),
            marks=pytest.mark.robustness,
        ),
        pytest.param(
            AE((3, 8, 8), 5, Gaussian(link="identity"), activation="tanh", norm="batch", dropout=0.2),
            marks=pytest.mark.robustness,
        ),
        pytest.param(
            ConvAE((1, 28, 28), 3, ContinuousBernoulli(limit=0), hidden=[20], activation="elu", norm="none"),
            marks=pytest.mark.robustness,
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_kind_of_network_can_be_exported(model):
    from jlml.evaluation.onnx_file import as_onnx

    for layer in model.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):  # statistics of a trained model
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    model.eval().requires_grad_(False)
    images = torch.rand(20, *model.image_shape)
    codes = model.encode(images)
    for module, name, inputs in ((Encoder(model), "images", images), (Decoder(model), "codes", codes)):
        content, _ = as_onnx("a.onnx", module, name, inputs, {})
        agree(content, name, inputs, module(inputs))


class Branch(nn.Module):
    def forward(self, x):
        return {"y": x if x.sum() > 0 else -x}


class Unknown(nn.Module):
    def forward(self, x):
        return {"y": torch.linalg.eigvalsh(x.T @ x) + x}


class Noise(nn.Module):
    def forward(self, x):
        return {"y": x + torch.rand_like(x)}


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Branch(), r"^a\.onnx cannot be made: \w+: .*data-dependent.*\.$"),
        (Unknown(), r"^a\.onnx cannot be made: \w+: .*eigh.*\.$"),
        (Noise(), r"^a\.onnx differs from PyTorch by \d\.\de-01, and 1e-04 is allowed: nothing is kept\.$"),
    ],
    ids=["branch", "unknown", "noise"],
)
def test_a_model_that_cannot_be_exported_gives_one_sentence_with_the_reason(module, reason, capfd):
    from jlml.evaluation.onnx_file import as_onnx

    with pytest.raises(UserError, match=reason) as refused:
        as_onnx("a.onnx", module, "x", torch.rand(6, 4), {})
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_a_failed_export_leaves_no_files(copy, monkeypatch):
    for file in FILES:
        (copy / "evaluation" / file).write_text("an earlier export")
    monkeypatch.setattr("jlml.evaluation.onnx_file.TOLERANCE", -1)
    with pytest.raises(UserError, match=r"encoder\.onnx differs from PyTorch"):
        jlml.evaluate(f"run={copy}", "export=onnx")
    assert list(copy.rglob("*.onnx*")) == []


def test_a_full_disk_leaves_no_half_of_an_export(copy, monkeypatch):
    def full_disk(path, content):
        if path.name == "decoder.onnx":
            raise OSError(28, "No space left on device", str(path))
        path.write_bytes(content)

    monkeypatch.setattr("jlml.evaluation.onnx_file.as_onnx", lambda *inputs: (b"content", 0.0))
    monkeypatch.setattr("jlml.evaluation.export.write_atomically", full_disk)
    with pytest.raises(UserError, match=r"decoder\.onnx cannot be read or written: No space left"):
        jlml.evaluate(f"run={copy}", "export=onnx")
    assert list(copy.rglob("*.onnx*")) == []


@pytest.mark.parametrize("given", ["run=x parts=[codes]", "runs=x", "sweep=x"])
def test_only_one_run_is_exported_and_nothing_evaluated(given):
    with pytest.raises(UserError, match="export=onnx exports one run and evaluates nothing"):
        jlml.evaluate("export=onnx", *given.split())
