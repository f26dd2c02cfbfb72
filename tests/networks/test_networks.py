"""The networks equal the published ones layer by layer, and decoders restore every image size."""

import pytest
import torch
from torch import nn

from jlml.errors import UserError
from jlml.networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder, PooledDecoder, PooledEncoder


def layers(network: nn.Module) -> list[str]:
    return [repr(layer) for layer in network.children()]


def test_the_mlp_equals_the_published_network():
    encoder = MLPEncoder((1, 32, 32), [128, 64, 32], 2)
    decoder = MLPDecoder(2, [128, 64, 32], (1, 32, 32))
    assert layers(encoder) == layers(
        nn.Sequential(
            nn.Flatten(),
            nn.Linear(1024, 128), nn.ReLU(),
            nn.Linear(128, 64), nn.ReLU(),
            nn.Linear(64, 32), nn.ReLU(),
            nn.Linear(32, 2),
        )
    )  # fmt: skip
    assert layers(decoder) == layers(
        nn.Sequential(
            nn.Linear(2, 32), nn.ReLU(),
            nn.Linear(32, 64), nn.ReLU(),
            nn.Linear(64, 128), nn.ReLU(),
            nn.Linear(128, 1024),
            nn.Unflatten(1, (1, 32, 32)),
        )
    )  # fmt: skip


def test_the_conv_network_with_spatial_code_equals_the_published_network():
    encoder = ConvEncoder((1, 32, 32), [8, 16], 64, code="spatial")
    decoder = ConvDecoder(64, [8, 16], (1, 32, 32), code="spatial")
    assert layers(encoder) == layers(
        nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 4, 3, stride=2, padding=1),
            nn.Flatten(),
        )
    )  # fmt: skip
    double = {"stride": 2, "padding": 1, "output_padding": (1, 1)}
    assert layers(decoder) == layers(
        nn.Sequential(
            nn.Unflatten(1, (4, 4, 4)),
            nn.ConvTranspose2d(4, 16, 3, **double, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 3, **double, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 3, **double),
        )
    )  # fmt: skip


def drop() -> nn.Module:
    return nn.Dropout2d(0.1)


def test_a_dense_code_has_fully_connected_layers_on_both_sides():
    sizes = {"dense_channels": None, "hidden": [256], "dropout": 0.1}
    half = {"stride": 2, "padding": 1}
    double = {**half, "output_padding": (1, 1)}
    encoder = ConvEncoder((1, 28, 28), [16, 32], 4, **sizes)
    decoder = ConvDecoder(2, [16, 32], (1, 28, 28), **sizes, activation="silu")
    assert layers(encoder) == layers(
        nn.Sequential(
            nn.Conv2d(1, 16, 3, **half, bias=False), nn.BatchNorm2d(16), nn.ReLU(), drop(),
            nn.Conv2d(16, 32, 3, **half, bias=False), nn.BatchNorm2d(32), nn.ReLU(), drop(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(256, 4),
        )
    )  # fmt: skip
    assert layers(decoder) == layers(
        nn.Sequential(
            nn.Linear(2, 256, bias=False), nn.BatchNorm1d(256), nn.SiLU(), nn.Dropout(0.1),
            nn.Linear(256, 32 * 7 * 7),
            nn.Unflatten(1, (32, 7, 7)), nn.BatchNorm2d(32), nn.SiLU(), drop(),
            nn.ConvTranspose2d(32, 16, 3, **double, bias=False), nn.BatchNorm2d(16), nn.SiLU(), drop(),
            nn.ConvTranspose2d(16, 1, 3, **double),
        )
    )  # fmt: skip


def test_norm_activation_and_dropout_stand_between_the_layers_of_an_mlp():
    options = {"activation": "elu", "norm": "batch", "dropout": 0.2}
    between = [nn.BatchNorm1d(8), nn.ELU(), nn.Dropout(0.2)]
    assert layers(MLPEncoder((1, 4, 4), [8], 3, **options)) == layers(
        nn.Sequential(nn.Flatten(), nn.Linear(16, 8, bias=False), *between, nn.Linear(8, 3))
    )
    assert layers(MLPDecoder(3, [8], (1, 4, 4), **options)) == layers(
        nn.Sequential(nn.Linear(3, 8, bias=False), *between, nn.Linear(8, 16), nn.Unflatten(1, (1, 4, 4)))
    )


def test_batch_norm_of_maps_leaves_the_fully_connected_layers_alone():
    encoder = ConvEncoder((1, 8, 8), [4], 3, dense_channels=None, hidden=[6], norm="maps")
    assert layers(encoder) == layers(
        nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3),
        )
    )  # fmt: skip
    with pytest.raises(UserError, match="after convolutions, and this network has none"):
        MLPEncoder((1, 4, 4), [8], 3, norm="maps")


HE = {"norm": "none", "dense_channels": None, "init": "he"}


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: MLPEncoder((1, 28, 28), [512] * 6, 64, init="he"), (1, 28, 28)),
        (lambda: ConvEncoder((1, 64, 64), [64, 64, 128], 64, **HE), (1, 64, 64)),
        (lambda: ConvDecoder(64, [64, 128], (1, 64, 64), hidden=[512], **HE), (64,)),
    ],
    ids=["mlp", "conv", "transposed"],
)
def test_he_initialisation_keeps_the_scale_from_layer_to_layer(make, inputs):
    torch.manual_seed(0)
    network, signal = make(), torch.randn(64, *inputs)
    squares = []
    for layer in network:
        signal = layer(signal)
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            squares.append(float(signal.detach().square().mean()))
    *inner, last = squares
    assert len(inner) >= 3
    assert all(1.3 < square < 2.7 for square in inner)  # 2 in the mean; ReLU halves it again
    assert 0.6 < last < 1.5


def test_an_mlp_without_hidden_layers_is_linear():
    assert layers(MLPEncoder((1, 28, 28), [], 2)) == [
        "Flatten(start_dim=1, end_dim=-1)",
        str(nn.Linear(784, 2)),
    ]


def test_the_pooled_network_has_two_convolutions_per_level():
    encoder, decoder = PooledEncoder((1, 28, 28), [4, 6], 2), PooledDecoder(2, [4, 6], (1, 28, 28))

    def conv(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

    def pool() -> nn.Module:
        return nn.MaxPool2d(2, ceil_mode=True)

    assert layers(encoder) == layers(
        nn.Sequential(
            *conv(1, 4), *conv(4, 4), pool(), *conv(4, 6), *conv(6, 6), pool(),
            nn.Flatten(), nn.Linear(6 * 7 * 7, 2),
        )
    )  # fmt: skip
    assert layers(decoder) == layers(
        nn.Sequential(
            nn.Linear(2, 6 * 7 * 7), nn.Unflatten(1, (6, 7, 7)), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Upsample((14, 14)), *conv(6, 4), *conv(4, 4),
            nn.Upsample((28, 28)), *conv(4, 4), *conv(4, 4),
            nn.Conv2d(4, 1, 3, padding=1),
        )
    )  # fmt: skip


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (29, 31), (17, 40), (8, 8), (5, 9)])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_decoder_restores_every_image_size(size, depth):
    shape = (1, *size)
    channels = [4] * (depth - 1)
    images = torch.zeros(2, *shape)
    codes = ConvEncoder(shape, channels, 7)(images)
    assert codes.shape == (2, 7)
    assert ConvDecoder(7, channels, shape)(codes).shape == images.shape
    pooled = PooledEncoder(shape, [*channels, 4], 7)(images)
    assert pooled.shape == (2, 7)
    assert PooledDecoder(7, [*channels, 4], shape)(pooled).shape == images.shape


def test_a_spatial_code_has_no_hidden_layers():
    with pytest.raises(UserError, match=r"model\.code=spatial.*model\.hidden=\[\]"):
        ConvEncoder((1, 28, 28), [8, 16], 64, code="spatial", hidden=[256])


@pytest.mark.parametrize(("latent_dim", "nearest"), [(30, 32), (1, 16), (63, 64)])
def test_a_spatial_code_that_does_not_fit_the_feature_map_is_refused(latent_dim, nearest):
    with pytest.raises(UserError, match=rf"latent.dim={latent_dim} .*multiple of 16.*latent.dim={nearest}"):
        ConvDecoder(latent_dim, [8, 16], (1, 28, 28), code="spatial")
