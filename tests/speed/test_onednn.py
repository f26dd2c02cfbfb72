"""Products by oneDNN: in float32, for large layers, on processors where they are faster."""

import shutil
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch
from torch import nn

import jlml
from conftest import QUICK
from jlml import onednn
from jlml.config import plain
from jlml.runs import build_model

FAST = (*QUICK[:-1], "callbacks=none")
EPYC_9005 = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\n"


@pytest.fixture
def faster_here(monkeypatch):
    monkeypatch.setattr(onednn, "is_faster_here", lambda: True)


@pytest.fixture
def calls(monkeypatch):
    """The sizes of the batches that oneDNN has multiplied."""
    sizes, multiply = [], onednn._Linear.apply
    monkeypatch.setattr(
        onednn._Linear, "apply", lambda inputs, *rest: sizes.append(len(inputs)) or multiply(inputs, *rest)
    )
    return sizes


@pytest.mark.skipif(not onednn.keeps_float32(), reason="oneDNN rounds to bf16 on this processor")
@pytest.mark.parametrize(("batch", "inputs", "outputs"), [(128, 784, 500), (1024, 128, 1024), (7, 33, 5)])
def test_a_layer_and_its_gradients_are_nearly_as_exact_as_torchs_own(batch, inputs, outputs):
    torch.manual_seed(0)
    layer, images = nn.Linear(inputs, outputs), torch.randn(batch, inputs, requires_grad=True)
    gradient = torch.randn(batch, outputs)

    def all_of(layer, images, multiply):
        given = (images, *layer.parameters())
        made = multiply(layer, images)
        return [made, *torch.autograd.grad(made, given, gradient.to(made.dtype))]

    ours = all_of(layer, images, onednn.multiplied_by_onednn)
    torchs = all_of(layer, images, nn.Linear.forward)
    double = nn.Linear(inputs, outputs, dtype=torch.float64)
    double.load_state_dict(layer.state_dict())
    exact = all_of(double, images.double(), nn.Linear.forward)
    for a, b, reference in zip(ours, torchs, exact, strict=True):
        error, usual = ((some - reference).square().mean().sqrt() for some in (a, b))
        assert error <= 2 * usual + 1e-12  # bf16 would be off by 1e4 times as much


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")  # torch's own
@pytest.mark.parametrize("bias", [True, False])
def test_first_and_second_derivatives_are_right(bias):
    layer = nn.Linear(5, 3, bias=bias, dtype=torch.float64)
    given = (torch.randn(4, 5, dtype=torch.float64, requires_grad=True), layer.weight, layer.bias)
    assert torch.autograd.gradcheck(onednn._Linear.apply, given, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(onednn._Linear.apply, given)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")  # torch's own
def test_transforms_of_torch_func_see_the_layer():
    from torch.func import grad, jacrev, jvp, vmap

    layer, images = nn.Linear(5, 3), torch.randn(4, 5)

    def ours(images):
        return onednn.multiplied_by_onednn(layer, images)

    for transform in (
        lambda f: jacrev(f)(images),
        lambda f: vmap(f)(images[:, None]),
        lambda f: grad(lambda images: f(images).square().sum())(images),
        lambda f: jvp(f, (images,), (torch.ones_like(images),))[1],
        lambda f: vmap(jacrev(f))(images[:, None]),
    ):
        torch.testing.assert_close(transform(ours), transform(layer))


def test_rounded_products_are_noticed(monkeypatch):
    monkeypatch.setattr(onednn, "by_onednn", nullcontext)
    assert onednn.keeps_float32()
    monkeypatch.setattr(onednn, "by_onednn", lambda: torch.autocast("cpu", torch.bfloat16))
    assert not onednn.keeps_float32()


def test_the_processor_is_told_by_its_maker_and_family(tmp_path):
    file = tmp_path / "cpuinfo"
    assert onednn.family_of_amd(file) == 0
    for text, family in ((EPYC_9005, 26), (EPYC_9005.replace("AuthenticAMD", "GenuineIntel"), 0), ("", 0)):
        file.write_text(text)
        assert onednn.family_of_amd(file) == family


def test_torchs_setting_is_as_it_was_afterwards():
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    with onednn.by_onednn():
        assert matmul.fp32_precision == "bf16"
    assert matmul.fp32_precision == before
    with pytest.raises(ZeroDivisionError), onednn.by_onednn():
        1 / 0  # noqa: B018
    assert matmul.fp32_precision == before


CONFIG = {"trainer": {"onednn": True, "accelerator": "cpu"}, "data": {"batch_size": 100}}


class Twice(nn.Module):
    """A layer that is called twice, also by keyword and for more than a row an image."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(200, 200)

    def forward(self, images):
        return self.layer(input=self.layer(images).reshape(2, -1, 200))


def test_a_layer_is_called_as_torchs_own_can_be(faster_here, calls):
    model, images = Twice(), torch.randn(100, 200)
    with onednn.fast_products(model, CONFIG):
        made = model(images)
    assert calls == [100]  # torch multiplies where there is more than one row an image
    torch.testing.assert_close(made, model(images))


def test_a_forward_of_ones_own_stays(faster_here):
    layer = nn.Linear(200, 200)
    layer.forward = own = lambda images: images
    with onednn.fast_products(layer, CONFIG):
        assert layer.forward is own
    assert layer.forward is own


def test_layers_are_as_they_were_afterwards_whatever_happens(faster_here):
    layer = nn.Linear(200, 200)
    with onednn.fast_products(layer, CONFIG):
        with onednn.fast_products(layer, CONFIG):
            assert "forward" in vars(layer)
        assert "forward" in vars(layer)
    assert "forward" not in vars(layer)
    with pytest.raises(ZeroDivisionError), onednn.fast_products(layer, CONFIG):
        1 / 0  # noqa: B018
    assert "forward" not in vars(layer)
    with onednn.fast_products(layer, CONFIG):
        del layer.forward  # by someone else
    assert "forward" not in vars(layer)


@pytest.mark.parametrize(
    "trainer",
    [
        {"accelerator": "cpu"},  # a run older than the key
        {"accelerator": "cpu", "onednn": False},
        {"accelerator": "cpu", "onednn": True, "precision": "bf16-mixed"},
        {"accelerator": "gpu", "onednn": True},
    ],
)
def test_where_it_is_not_wanted_torch_multiplies(faster_here, monkeypatch, trainer):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    layer = nn.Linear(200, 200)
    with onednn.fast_products(layer, CONFIG | {"trainer": trainer}):
        assert "forward" not in vars(layer)


def test_large_layers_are_those_whose_products_take_long():
    config = plain(jlml.compose("model=ae", "data.image_size=32"))  # 1024-128-64-32-2 and back
    model = build_model(config, (1, 32, 32))
    widths = {batch: len(onednn.large_layers(model, batch)) for batch in (8, 128, 1024)}
    assert widths == {8: 0, 128: 2, 1024: 6}


@pytest.mark.skipif(not onednn.keeps_float32(), reason="oneDNN rounds to bf16 on this processor")
def test_training_uses_it_inside_alone(tmp_path, faster_here, calls, caplog):
    words = (*FAST, "model=vae", "loss=bce", "data.batch_size=100")
    with caplog.at_level("INFO", "jlml"):
        trained = jlml.train(jlml.compose(*words), tmp_path)
    assert set(calls) == {100, 300}  # also in validation and test, 300 images each
    assert "oneDNN multiplies for 4 linear layers" in (trained.run.path / "train.log").read_text()
    assert not any("forward" in vars(layer) for layer in trained.model.modules())
    count = len(calls)
    own = jlml.train(jlml.compose(*words, "trainer.onednn=false"), tmp_path)
    assert len(calls) == count
    assert trained.metrics == pytest.approx(own.metrics, rel=1e-3)


def test_an_evaluation_multiplies_as_its_training_did(tmp_path, faster_here, calls):
    trained = jlml.train(jlml.compose(*FAST, "model=vae", "data.batch_size=100"), tmp_path)
    calls.clear()
    words = (f"run={trained.run.path}", "parts=[objective]")
    jlml.evaluate(jlml.compose(*words, config_name="evaluate"))
    assert calls


def test_bf16_is_left_to_torch(faster_here, calls):
    layer = nn.Linear(200, 200)
    with onednn.fast_products(layer, CONFIG), torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(100, 200)).dtype is torch.bfloat16
    assert calls == []


COMPILED = """
import torch
from jlml import onednn
layer = torch.nn.Linear(300, 200)
onednn.is_faster_here = lambda: True
images = torch.randn(64, 300)
config = {"trainer": {"onednn": True, "accelerator": "cpu"}, "data": {"batch_size": 64}}
onednn._Linear.apply = None
with onednn.fast_products(layer, config):
    assert "forward" in vars(layer)
    made = torch.compile(lambda images: layer(images), fullgraph=True)(images)
torch.testing.assert_close(made, layer(images))
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_what_is_compiled_is_left_to_torch():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
