"""Linear layers with oneDNN, which are used only where they keep the accuracy of float32."""

import shutil
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch
from torch import nn

import jlml
from conftest import QUICK
from jlml.speed import onednn

EPYC_9005 = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\n"
SHAPES = [(128, 784, 500), (1024, 128, 1024), (7, 33, 5)]


@pytest.fixture
def zen_5(monkeypatch):
    monkeypatch.setattr(onednn, "family_of_amd", lambda: onednn.ZEN_5)


@pytest.mark.parametrize(("batch", "inputs", "outputs"), SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_and_its_gradients_agree_with_float64(batch, inputs, outputs, bias):
    if not onednn.keeps_float32(batch, inputs, outputs):
        pytest.skip("oneDNN rounds to bf16 on this processor, and jlml does not use it")
    torch.manual_seed(0)
    layer = onednn.OneDNNLinear(inputs, outputs, bias)
    double = nn.Linear(inputs, outputs, bias, dtype=torch.float64)
    double.load_state_dict(layer.state_dict())
    images, gradient = torch.randn(batch, inputs, requires_grad=True), torch.randn(batch, outputs)
    doubled = images.detach().double().requires_grad_()
    results = [layer(images), *torch.autograd.grad(layer(images), (images, *layer.parameters()), gradient)]
    exact = [
        double(doubled),
        *torch.autograd.grad(double(doubled), (doubled, *double.parameters()), gradient.double()),
    ]
    assert len(results) == 3 + bias
    for result, reference in zip(results, exact, strict=True):
        error = (result - reference).square().mean().sqrt() / reference.std()
        assert error < 1e-5  # float32 has 3e-7, bf16 3e-3


def test_the_operator_passes_the_checks_of_torch():
    inputs = (torch.randn(4, 5, requires_grad=True), torch.randn(3, 5, requires_grad=True), torch.randn(3))
    torch.library.opcheck(onednn.linear, inputs, test_utils=("test_schema", "test_autograd_registration"))
    torch.library.opcheck(onednn.linear, inputs, test_utils="test_faketensor")


def test_rounding_to_bf16_is_detected_for_a_given_shape(monkeypatch):
    onednn.keeps_float32.cache_clear()
    monkeypatch.setattr(onednn, "by_onednn", nullcontext)
    assert onednn.keeps_float32(64, 96, 80)
    onednn.keeps_float32.cache_clear()
    monkeypatch.setattr(onednn, "by_onednn", lambda: torch.autocast("cpu", torch.bfloat16))
    assert not onednn.keeps_float32(64, 96, 80)
    onednn.keeps_float32.cache_clear()


def test_only_large_accurate_layers_on_zen_5_are_replaced(zen_5, monkeypatch):
    monkeypatch.setattr(onednn, "keeps_float32", lambda *shape: shape[1] != 999)
    layers = {"large": (300, 300), "small": (30, 30), "rounded": (999, 300)}
    model = nn.ModuleDict({name: nn.Linear(*sizes) for name, sizes in layers.items()})
    before = dict(model.named_parameters())
    with onednn.onednn_layers(model, batch_size=100):
        assert [name for name in layers if type(model[name]) is onednn.OneDNNLinear] == ["large"]
        assert all(weight is before[name] for name, weight in model.named_parameters())
    assert {type(layer) for layer in model.values()} == {nn.Linear}
    monkeypatch.setattr(onednn, "family_of_amd", lambda: 25)
    with onednn.onednn_layers(model, batch_size=100):
        assert {type(layer) for layer in model.values()} == {nn.Linear}


def test_the_processor_is_identified_by_vendor_and_family(tmp_path):
    file = tmp_path / "cpuinfo"
    assert onednn.family_of_amd(file) == 0
    for text, family in ((EPYC_9005, 26), (EPYC_9005.replace("AuthenticAMD", "GenuineIntel"), 0), ("", 0)):
        file.write_text(text)
        assert onednn.family_of_amd(file) == family


def test_the_precision_setting_of_torch_is_restored():
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    with onednn.by_onednn():
        assert matmul.fp32_precision == "bf16"
    assert matmul.fp32_precision == before


def test_a_run_with_onednn_gives_the_same_metrics_up_to_rounding(tmp_path, zen_5):
    overrides = (*QUICK[:-1], "callbacks=none", "data.batch_size=100", "loss=bce", "trainer.max_epochs=1")
    with_it = jlml.train(*overrides, "speed.onednn=true", parent=tmp_path, progress=[])
    without = jlml.train(*overrides, parent=tmp_path, progress=[])
    swapped = "These linear layers use oneDNN" in (with_it.run.path / "train.log").read_text()
    assert swapped == onednn.keeps_float32(100, 784, 500)
    assert {type(layer) for layer in with_it.model.modules() if isinstance(layer, nn.Linear)} == {nn.Linear}
    assert with_it.metrics == pytest.approx(without.metrics, rel=1e-4)


COMPILED = """
import torch
from jlml.speed.onednn import OneDNNLinear
layer = OneDNNLinear(300, 200)
images = torch.randn(64, 300)
made = torch.compile(lambda images: layer(images).square().sum(), fullgraph=True)(images)
torch.testing.assert_close(made, layer(images).square().sum())
made.backward()
assert layer.weight.grad.abs().sum() > 0
"""


@pytest.mark.robustness  # compiling takes half a minute
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_operator_can_be_compiled():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
