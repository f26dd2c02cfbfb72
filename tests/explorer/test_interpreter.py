"""The explorer's JavaScript computes what PyTorch does: networks, pictures and losses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from test_layers import NETWORKS

import jlml
from jlml.evaluation.explorer import page as explorer
from jlml.evaluation.explorer.arrays import Arrays
from jlml.evaluation.explorer.content import loss_content
from jlml.evaluation.explorer.layers import Network
from jlml.losses import Bernoulli, ContinuousBernoulli, Gaussian
from jlml.networks import MLPDecoder
from pages import randomised

pytestmark = pytest.mark.browser

CLOSE = 1e-4
SCRIPTS = Path(explorer.PAGE)
RUN = """async ({text, entry, layers, inputs}) => {
  const element = Object.assign(document.createElement("script"), {type: "text/plain", id: entry.id, text});
  document.body.replaceChildren(element);
  const network = {layers, weights: await readArray(entry)};
  return inputs.map((input) => Array.from(runNetwork(network, Float32Array.from(input))));
}"""
LOSS = """({loss, logits, pixels}) => {
  const pictures = LOSSES[loss.kind].pictures(Float32Array.from(logits), loss);
  return [
    Object.entries(pictures).map(([name, values]) => [name, Array.from(values)]),
    LOSSES[loss.kind].nll(Float32Array.from(logits), pixels, loss),
  ];
}"""
# each choice of the configs once, with both kinds of networks, all sizes of codes and images
SHIPPED = [
    "model=vae latent.dim=2",
    "model=ae latent.dim=1 model.activation=silu",
    "model=ae_deep latent.dim=64",
    "model=ae_linear latent.dim=16",
    "model=ae_wide latent.dim=16 model.activation=tanh model.norm=batch data.image_size=32",
    "model=vae latent.dim=64 model.activation=elu model.norm=batch model.dropout=0.2",
    "model=conv_vae latent.dim=2",
    "model=conv_ae latent.dim=1 data.image_size=32 model.activation=elu model.norm=none",
    "model=conv_vae latent.dim=16 model.activation=silu model.init=he model.dropout=0.2",
    "model=conv_ae latent.dim=64 model.activation=tanh model.dense_channels=16 model.hidden=[]",
    "model=conv_vae latent.dim=64 model.code=spatial model.hidden=[]",
    "model=conv_ae latent.dim=16 model.code=spatial model.hidden=[] data.image_size=32",
]


@pytest.fixture(scope="module")
def interpreter(chromium):
    """A function that runs a network in the browser."""
    page = chromium.new_page()
    for name in ("arrays", "network", "losses"):
        page.add_script_tag(path=SCRIPTS / f"{name}.js")

    def run(network, inputs, kind="float32"):
        described, arrays = Network(network, inputs), Arrays()
        entry = arrays.add(described.weights, kind)
        inputs = inputs.flatten(1).tolist()
        arguments = {"text": arrays.texts[entry["id"]], "entry": entry, "layers": described.layers}
        return torch.tensor(page.evaluate(RUN, {**arguments, "inputs": inputs}))

    run.page = page
    yield run
    page.close()


@pytest.mark.parametrize("overrides", SHIPPED)
def test_networks_agree_with_pytorch(interpreter, overrides):
    model, data = jlml.build("data=mnist_5k", *overrides.split())
    data.setup()
    torch.manual_seed(0)
    for network in (model.encoder, model.decoder):
        randomised(network)
    images = data.validation_batch(3)[0]
    with torch.no_grad():
        codes = model.encode(images)
        expected = model.encoder(images), model.loss.mean(model.decoder(codes)).flatten(1)
        encoded = interpreter(model.encoder, images)
        decoded = model.loss.mean(interpreter(model.decoder, codes).view(len(codes), *model.image_shape))
    torch.testing.assert_close(encoded, expected[0], atol=CLOSE, rtol=CLOSE)
    torch.testing.assert_close(decoded.flatten(1), expected[1], atol=CLOSE, rtol=0)


@pytest.mark.parametrize(
    "name", ["pooling", "groups", "activations", "transposed with norm", "norm after flatten"]
)
def test_layers_of_own_networks_agree_with_pytorch(interpreter, name):
    network, shape = NETWORKS[name]
    randomised(network)
    inputs = torch.randn(3, *shape)
    expected = network(inputs).detach().flatten(1)
    torch.testing.assert_close(interpreter(network, inputs), expected, atol=CLOSE, rtol=CLOSE)


def test_weights_of_16_bits_change_a_picture_by_at_most_2_thousandths(interpreter):
    torch.manual_seed(0)
    decoder, codes = MLPDecoder(2, [500, 500], (1, 28, 28)).eval(), torch.randn(20, 2)
    decoder[-2].weight.data *= 20  # logits as large as those of a trained network
    with torch.no_grad():
        exact = decoder(codes).flatten(1).sigmoid()
    error = (interpreter(decoder, codes, "float16").sigmoid() - exact).abs().max()
    assert 0 < error < 2e-3


def test_16_bit_numbers_of_every_kind_are_read(interpreter):
    values = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 6.1e-5, np.inf, -np.inf, 1 / 3], np.float16)
    arrays = Arrays()
    entry = arrays.add(values, "float16")
    read = """async ([entry, text]) => {
      document.body.replaceChildren(Object.assign(document.createElement("script"),
        {type: "text/plain", id: entry.id, text}));
      return Array.from(await readArray(entry));
    }"""
    assert interpreter.page.evaluate(read, [entry, arrays.texts[entry["id"]]]) == values.tolist()


@pytest.mark.parametrize(
    "loss",
    [
        Bernoulli(),
        Gaussian(),
        Gaussian(0.5, "identity"),
        ContinuousBernoulli(),
        ContinuousBernoulli(1e-4),
    ],
    ids=["bce", "mse", "mse identity", "cont_bern", "cont_bern limit"],
)
def test_pictures_and_losses_agree_with_pytorch(interpreter, loss):
    torch.manual_seed(0)
    logits = torch.cat(
        [torch.linspace(-40, 40, 400), torch.linspace(-1, 1, 381), torch.tensor([0, 1e-20, 9e4])]
    )
    pixels = torch.rand(784)
    shape = (1, 1, 28, 28)
    pictures, nll = interpreter.page.evaluate(
        LOSS, {"loss": loss_content(loss), "logits": logits.tolist(), "pixels": pixels.tolist()}
    )
    expected = loss.pictures(logits.view(shape))
    assert [name for name, _ in pictures] == [*expected]
    for name, values in pictures:
        torch.testing.assert_close(torch.tensor(values), expected[name].flatten(), atol=1e-6, rtol=1e-6)
    exact = loss.nll(logits.view(shape).double(), pixels.view(shape).double()).item()
    assert nll == pytest.approx(exact, rel=1e-6)
