"""What Python writes into the explorer's page: networks, arrays, names. The browser has its own tests."""

import base64
import gzip
import hashlib
import io
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import jlml
from jlml.errors import UserError
from jlml.evaluation.explorer.arrays import Arrays
from jlml.evaluation.explorer.content import version_content
from jlml.evaluation.explorer.layers import Network, UnknownLayerError
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian
from jlml.models import AE, VAE
from jlml.networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder, PooledDecoder, PooledEncoder
from pages import Noise, Untrained, content_of, page_of, randomised

SIMPLE = {
    "relu": lambda layer, x: F.relu(x),
    "leaky_relu": lambda layer, x: F.leaky_relu(x, layer["slope"]),
    "silu": lambda layer, x: F.silu(x),
    "tanh": lambda layer, x: torch.tanh(x),
    "elu": lambda layer, x: F.elu(x, layer["alpha"]),
    "sigmoid": lambda layer, x: torch.sigmoid(x),
    "softplus": lambda layer, x: F.softplus(x, layer["beta"]),
}


def applied(network, x):
    """What the list of layers says, computed by torch from the one array of weights."""
    x = x.flatten(1)
    for layer in network.layers:
        kind = layer["type"]
        if kind in SIMPLE:
            x = SIMPLE[kind](layer, x)
            continue

        def weight(*shape, place="weight", layer=layer):
            start = layer[place]
            return network.weights[start : start + int(np.prod(shape))].reshape(shape)

        if kind == "linear":
            shape = layer["outputs"], layer["inputs"]
            x = F.linear(x, weight(*shape), weight(shape[0], place="bias"))
            continue
        if kind == "scale":
            channels = layer["channels"]
            scale, shift = weight(channels, 1), weight(channels, 1, place="bias")
            x = (x.unflatten(1, (channels, -1)) * scale + shift).flatten(1)
            continue
        x = x.unflatten(1, layer["input"])
        inputs, outputs = layer["input"][0], layer["output"][0]
        if kind in ("conv", "transposed"):
            bias = weight(outputs, place="bias")
            options = {name: layer[name] for name in ("stride", "padding", "dilation", "groups")}
        if kind == "conv":
            x = F.conv2d(x, weight(outputs, inputs // layer["groups"], *layer["kernel"]), bias, **options)
        elif kind == "transposed":
            kernel = weight(inputs, outputs // layer["groups"], *layer["kernel"])
            plain = F.conv_transpose2d(x, kernel, bias, **options).shape[2:]
            more = [wanted - size for wanted, size in zip(layer["output"][1:], plain, strict=True)]
            x = F.conv_transpose2d(x, kernel, bias, output_padding=more, **options)
        elif kind == "pool":
            pool = F.max_pool2d if layer["kind"] == "max" else F.avg_pool2d
            last_is_cut = layer["kind"] == "max"  # the interpreter ignores pixels beyond the border
            x = pool(x, layer["kernel"], layer["stride"], layer["padding"], ceil_mode=last_is_cut)
            x = x[..., : layer["output"][1], : layer["output"][2]]
        elif kind == "upsample":
            x = F.interpolate(x, layer["output"][1:])
        assert list(x.shape[1:]) == layer["output"]
        x = x.flatten(1)
    return x


class Doubled(nn.Sequential):
    """More than its layers."""

    def forward(self, x):
        return 2 * super().forward(x)


class Concatenated(nn.Sequential):
    """Its layers do not even fit one after the other."""

    def forward(self, x):
        return self[1](torch.cat([self[0](x), x], 1))


class Negated(nn.Identity):
    """A subclass of a layer that is ignored."""

    def forward(self, x):
        return -x


MAPS = (3, 9, 8)
NETWORKS = {
    "dense": (MLPEncoder((1, 28, 28), [20, 10], 3, "elu", "batch", 0.1), (1, 28, 28)),
    "dense decoder": (MLPDecoder(3, [20, 10], (1, 28, 28), "silu", "batch"), (3,)),
    "conv": (ConvEncoder((3, 28, 28), [4, 6], 3, hidden=[10], dropout=0.1), (3, 28, 28)),
    "conv decoder": (ConvDecoder(3, [4, 6], (3, 28, 28), hidden=[10]), (3,)),
    "spatial": (ConvEncoder((1, 32, 32), [4, 6], 32, "spatial", None, activation="tanh"), (1, 32, 32)),
    "spatial decoder": (ConvDecoder(32, [4, 6], (1, 32, 32), "spatial", None), (32,)),
    "nested": (nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(216, 5)), nn.BatchNorm1d(5)), MAPS),
    "norm without a map": (nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.ReLU()), MAPS),
    "norm after flatten": (
        nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.BatchNorm1d(2 * 7 * 6)),
        MAPS,
    ),
    "transposed with norm": (
        nn.Sequential(
            nn.ConvTranspose2d(3, 4, (3, 2), (2, 3), (1, 0), (1, 2), bias=False), nn.BatchNorm2d(4)
        ),
        MAPS,
    ),
    "groups": (
        nn.Sequential(
            *(nn.Conv2d(3, 6, 3, padding=2, dilation=2, groups=3), nn.BatchNorm2d(6)),
            *(nn.ConvTranspose2d(6, 4, 3, 2, groups=2, dilation=2), nn.BatchNorm2d(4)),
        ),
        MAPS,
    ),
    "pooling": (
        nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d((2, 1)), nn.Upsample(scale_factor=2)),
        MAPS,
    ),
    "pooling to half, rounded up, and back": (PooledEncoder((2, 7, 9), [3, 4], 5), (2, 7, 9)),
    "upsampling to odd sizes": (PooledDecoder(5, [3, 4], (2, 7, 9)), (5,)),
    "activations": (
        nn.Sequential(nn.LeakyReLU(0.3), nn.ELU(0.7), nn.Softplus(beta=3), nn.Sigmoid()),
        MAPS,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_list_of_layers_computes_what_the_network_does(name):
    torch.manual_seed(0)
    network, shape = NETWORKS[name]
    randomised(network)
    x = torch.randn(4, *shape)
    torch.testing.assert_close(applied(Network(network, x), x), network(x).flatten(1), atol=1e-5, rtol=1e-5)


def test_batch_norm_is_folded_into_the_map_before_it():
    for name in ("dense decoder", "conv decoder", "transposed with norm", "nested"):
        network, shape = NETWORKS[name]
        kinds = [layer["type"] for layer in Network(randomised(network), torch.randn(2, *shape)).layers]
        in_order = [type(layer) for layer in network.modules()]
        unfolded = sum(
            isinstance(layer, nn.BatchNorm2d) and before is nn.Unflatten
            for before, layer in zip(in_order, [*network.modules()][1:], strict=False)
        )
        assert kinds.count("scale") == unfolded


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Mish()), "Mish"),
        (nn.Sequential(nn.Sequential(nn.LSTM(4, 4))), "LSTM"),
        (Doubled(nn.Linear(4, 4)), "Doubled is more than a sequence"),
        (Concatenated(nn.Linear(4, 4), nn.Linear(8, 4)), "Concatenated is more than a sequence"),
        (nn.Sequential(Negated()), "Negated"),
        (nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False)), "without running statistics"),
        (nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Linear(2, 2)), "Linear along the last"),
    ],
)
def test_what_the_page_cannot_run_is_named(network, name):
    with pytest.raises(UnknownLayerError, match=name):
        Network(network.eval(), torch.randn(8, 4))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 1, 3, padding="same"),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.AvgPool2d(3, padding=1, count_include_pad=False),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=1.3),
    ],
)
def test_unusual_options_are_named_instead_of_ignored(layer):
    with pytest.raises(UnknownLayerError, match=type(layer).__name__):
        Network(nn.Sequential(layer), torch.randn(2, 1, 5, 5))


def read(text, kind):
    """An array from its text in a page."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8)
    return np.ascontiguousarray(planes.reshape(np.dtype(kind).itemsize, -1).T).view(kind).ravel()


@pytest.mark.parametrize("kind", ["uint8", "int32", "float32", "float16"])
def test_arrays_come_back_bit_by_bit(kind):
    arrays = Arrays()
    for count in (0, 1, 1001):
        values = np.random.default_rng(0).normal(0, 50, count).clip(0, 255).astype(kind)
        entry = arrays.add(values, kind)
        assert entry["type"] == kind
        np.testing.assert_array_equal(read(arrays.texts[entry["id"]], values.dtype), values)


def dense(dim=2, shape=(1, 28, 28), loss=None):
    torch.manual_seed(0)
    return AE(shape, dim, loss or Bernoulli(), hidden=[8])


def test_the_policy_allows_exactly_the_script_and_the_style_of_the_page():
    page = page_of(dense(), Noise())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[f"{tag}-src"] == f"'sha256-{digest}'"
    assert directives["img-src"] == "data: blob:"
    assert not re.search(r"""(src|href)=["']?(https?:|//)""", page)


def sheet(images):
    """All images side by side in one PNG."""
    side = int(np.ceil(np.sqrt(len(images))))
    count, _, height, width = images.shape
    cells = np.zeros((side * side, height, width), np.uint8)
    cells[:count] = images[:, 0]
    together = cells.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)
    file = io.BytesIO()
    Image.fromarray(together).save(file, "PNG", optimize=True)
    return len(file.getvalue())


@pytest.mark.parametrize("model", [pytest.param("vae", marks=pytest.mark.robustness), "conv_vae"])
def test_a_page_is_at_most_1_4_times_its_weights_and_pictures(model):
    built, data = jlml.build(f"model={model}", "data=mnist_5k", "latent.dim=2")
    page = len(page_of(built, data).encode())
    networks = (built.encoder, built.decoder)
    weights = 4 * sum(array.numel() for network in networks for array in network.parameters())
    pictures = sheet(data.test_images.numpy())
    assert page <= 1.4 * (weights + pictures)


def test_16_bits_halve_the_weights():
    model = dense()
    sizes = []
    for bits in (16, 32):
        subject, arrays = Untrained(model, Noise(), weights=bits), Arrays()
        version, _ = version_content(model, subject, torch.arange(5), arrays)
        entry = version["encoder"]["weights"]
        assert entry["type"] == f"float{bits}"
        sizes.append(len(gzip.decompress(base64.b64decode(arrays.texts[entry["id"]]))))
    assert sizes[1] == 2 * sizes[0]
    assert "rounded to 16 bits" in page_of(model, Noise(), weights=16)


def test_names_with_markup_are_text():
    markup = "</script></title><script>alert(1)</script><img src=x onerror=alert(1)>"
    folder = "<!--<script>"  # a folder name has no slash
    page = page_of(dense(), Noise(names=(markup, "\"'&")), name=folder, title=markup)
    plain = page_of(dense(), Noise(names=("a", "b")))
    for tag in ("<script", "</script", "<img", "<!--", "</title"):
        assert page.count(tag) == plain.count(tag), tag
    assert content_of(page)["images"]["names"] == [markup, "\"'&"]
    assert content_of(page)["runs"][0]["name"] == folder


def test_an_epoch_whose_weights_were_not_kept_is_refused():
    with pytest.raises(UserError, match=r"explorer\.epochs=7: .* not kept.*keep_checkpoints_every") as raised:
        page_of(dense(), Noise(), epochs=[7])
    assert "\n" not in str(raised.value)


class Huber(Bernoulli):
    """A loss of the user's own."""


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda model: model.encoder.append(nn.Mish()), "Mish in the encoder"),
        (lambda model: model.decoder.insert(0, nn.LSTM(2, 2)), "LSTM in the decoder"),
        (lambda model: setattr(model, "loss", Huber()), "the loss Huber"),
    ],
)
def test_a_page_without_a_network_has_the_codes_and_names_what_is_missing(monkeypatch, change, name):
    model = dense()
    change(model)
    monkeypatch.setattr(nn.LSTM, "forward", lambda self, x: x)  # so that it can stand in a sequence
    (run,) = content_of(page_of(model, Noise()))["runs"]
    assert name in run["missing"]
    assert run["versions"][-1]["codes"]["type"] == "float32"
    for part in ("encoder", "decoder"):
        assert (run["versions"][-1][part] is None) == name.endswith(part)
    assert (run["loss"] is None) == ("loss" in name)


@pytest.mark.parametrize("dim", [1, 2, 16, 64])
@pytest.mark.parametrize(
    ("shape", "names", "lowest"),
    [
        ((1, 28, 28), tuple("0123456789"), 0),
        ((3, 32, 32), (), -1),
        ((1, 5, 6), tuple(map(str, range(12))), -1),
    ],
)
def test_images_of_any_shape_with_any_labels_and_latent_dim(shape, names, lowest, dim):
    content = content_of(page_of(dense(dim, shape), Noise(shape, names, lowest)))
    images, (run,) = content["images"], content["runs"]
    assert (images["channels"], images["height"], images["width"]) == shape
    assert (images["names"], images["count"], run["dim"]) == ([*names], 20, dim)
    assert run["missing"] == ""
    assert len(run["heat"]) == (2 if dim > 1 else 0)


def test_losses_are_described_with_their_options():
    expected = {
        Bernoulli(): {"kind": "bernoulli"},
        Gaussian(0.3, "identity"): {"kind": "gaussian", "scale": 0.3, "link": "identity"},
        ContinuousBernoulli(1e-4): {"kind": "continuous_bernoulli", "limit": 1e-4},
    }
    for loss, described in expected.items():
        (run,) = content_of(page_of(dense(loss=loss), Noise()))["runs"]
        assert run["loss"] == described


def test_the_deviations_of_a_vae_that_the_page_cannot_encode_are_in_the_page():
    class Unknown(VAE):
        def encode(self, images):
            return super().encode(images) + 1e-3

    torch.manual_seed(0)
    subject = Untrained(Unknown((1, 28, 28), 3, Bernoulli(), hidden=[8]), Noise())
    arrays = Arrays()
    version, missing = version_content(subject.model, subject, torch.arange(5), arrays)
    mean, log_variance = subject.model.posterior(subject.test_images[:5])
    assert missing == ["Unknown.encode in the encoder"]
    expected = {"codes": mean + 1e-3, "deviations": (log_variance / 2).exp()}
    for name, values in expected.items():
        stored = read(arrays.texts[version[name]["id"]], np.float32)
        torch.testing.assert_close(torch.tensor(stored).view(5, 3), values)


def test_an_encoder_that_is_not_the_whole_way_to_the_code_is_named():
    class Shifted(AE):
        def encode(self, images):
            return super().encode(images) + 1

    model = Shifted((1, 28, 28), 2, Bernoulli(), hidden=[8])
    (run,) = content_of(page_of(model, Noise()))["runs"]
    assert "Shifted.encode in the encoder" in run["missing"]
