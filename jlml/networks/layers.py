"""What stands between the linear maps of a network, and the weights that they start from."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from torch import nn

Activation = Literal["relu", "silu", "tanh", "elu"]
Norm = Literal["none", "batch", "maps"]
Init = Literal["torch", "he"]

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh, "elu": nn.ELU}
LINEAR_MAPS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Between:
    """The layers after every linear map but the last: normalisation, activation, dropout.

    Args:
        activation: the nonlinear function.
        norm: `batch` is batch normalisation after every linear map, `maps` only after convolutions.
        dropout: probability that an output, or a whole feature map, is set to zero in training.
    """

    activation: Activation
    norm: Norm
    dropout: float

    @property
    def bias_of_vectors(self) -> bool:
        """Whether a fully connected layer has a bias. Batch norm subtracts the mean, and any bias with it."""
        return self.norm != "batch"

    @property
    def bias_of_maps(self) -> bool:
        """Whether a convolution has a bias."""
        return self.norm == "none"

    def vectors(self, width: int) -> list[nn.Module]:
        """The layers after a fully connected one with ``width`` outputs."""
        norm = [] if self.bias_of_vectors else [nn.BatchNorm1d(width)]
        return self._layers(norm, nn.Dropout(self.dropout))

    def maps(self, channels: int) -> list[nn.Module]:
        """The layers after a convolution with ``channels`` outputs."""
        norm = [] if self.bias_of_maps else [nn.BatchNorm2d(channels)]
        return self._layers(norm, nn.Dropout2d(self.dropout))

    def _layers(self, norm: Sequence[nn.Module], dropout: nn.Module) -> list[nn.Module]:
        layers = [*norm]
        layers.append(ACTIVATIONS[self.activation]())
        return [*layers, dropout] if self.dropout else layers


def initialise(network: nn.Sequential, init: Init) -> None:
    """Draws the initial weights of a network.

    `torch` keeps PyTorch's: uniform, with variance 1 / (3 fan_in). `he` draws normal weights with variance
    2 / fan_in, which keep the scale of the signal from layer to layer with ReLU, and 1 / fan_in in the last
    layer, which no activation follows; biases are 0. fan_in is the number of inputs that an output sums over.
    For a transposed convolution that is its mean, where PyTorch counts output channels instead of inputs.
    Source: He et al. 2015.
    """
    if init == "torch":
        return
    linear_maps = [layer for layer in network if isinstance(layer, LINEAR_MAPS)]
    for layer in linear_maps:
        outputs = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
        fan_in = layer.weight.numel() / outputs
        if isinstance(layer, nn.ConvTranspose2d):
            fan_in /= layer.stride[0] * layer.stride[1]
        gain = 1 if layer is linear_maps[-1] else 2
        nn.init.normal_(layer.weight, std=sqrt(gain / fan_in))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def given(**options: Any) -> dict[str, Any]:
    """The options that are not None. A network uses its own default for the others."""
    return {name: value for name, value in options.items() if value is not None}
