"""Networks as lists of layers for the explorer's interpreter, `page/network.js`."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn

Layer = dict[str, Any]
CLOSE = 1e-4  # agreement of the list of layers with the network

# everywhere the exact class: a subclass can compute something else
IGNORED = (
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    nn.Dropout,
    nn.Dropout2d,
)  # the interpreter's arrays are flat
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ACTIVATIONS: dict[type[nn.Module], tuple[str, tuple[tuple[str, str], ...]]] = {
    nn.ReLU: ("relu", ()),
    nn.LeakyReLU: ("leaky_relu", (("slope", "negative_slope"),)),
    nn.SiLU: ("silu", ()),
    nn.Tanh: ("tanh", ()),
    nn.ELU: ("elu", (("alpha", "alpha"),)),
    nn.Sigmoid: ("sigmoid", ()),
    nn.Softplus: ("softplus", (("beta", "beta"),)),
}


class UnknownLayerError(Exception):
    """A network has a layer that the interpreter does not know. The message names it."""


class Network:
    """The layers of a network in eval mode, with all weights in one array.

    Args:
        network: a sequence of layers, possibly nested.
        example: a batch of inputs, by which the list is checked against the network.

    Raises:
        UnknownLayerError: the interpreter does not know a layer, or the network is more than its layers.
    """

    def __init__(self, network: nn.Module, example: Tensor) -> None:
        self.layers: list[Layer] = []
        self._arrays: list[Tensor] = []
        self._size = 0
        modules = list(flattened(network))
        for module in modules:
            if type(module) not in (*IGNORED, *NORMS, *ACTIVATIONS, *DESCRIBED):
                raise UnknownLayerError(type(module).__name__)
        try:
            is_sequence = self._add_all(modules, network, example)
        except RuntimeError:  # the layers do not fit each other
            is_sequence = False
        if not is_sequence:
            raise UnknownLayerError(f"{type(network).__name__} is more than a sequence of its layers")

    @property
    def weights(self) -> Float32[Tensor, " weights"]:
        """All weights, in the order of the layers."""
        return torch.cat(self._arrays).float().cpu() if self._arrays else torch.zeros(0)

    @torch.no_grad()
    def _add_all(self, modules: list[nn.Module], network: nn.Module, example: Tensor) -> bool:
        """Whether the layers, one after the other, compute the same as the network."""
        values = example
        for place, module in enumerate(modules):
            before, values = values, module(values)
            self._add(module, before.shape[1:], values.shape[1:], modules[place - 1] if place else None)
        return torch.allclose(values, network(example), atol=CLOSE, rtol=CLOSE)

    def _add(
        self, module: nn.Module, before: torch.Size, after: torch.Size, previous: nn.Module | None
    ) -> None:
        if isinstance(module, IGNORED):
            return
        if isinstance(module, NORMS):
            self._normalise(module, previous)
        elif type(module) in ACTIVATIONS:
            name, options = ACTIVATIONS[type(module)]
            self.layers.append({"type": name} | {key: getattr(module, own) for key, own in options})
        else:
            if isinstance(module, nn.Linear) and len(before) > 1:
                raise UnknownLayerError("Linear along the last of several dimensions")
            layer = DESCRIBED[type(module)](module)
            self.layers.append({**layer, "input": list(before), "output": list(after)})
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                outputs = after[0]
                bias = torch.zeros(outputs) if module.bias is None else module.bias
                self._store(module.weight, bias)

    def _normalise(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, previous: nn.Module | None) -> None:
        """Multiplies the linear map before a batch norm by its scale, or adds a layer of its own."""
        if norm.running_mean is None or norm.running_var is None:
            raise UnknownLayerError(f"{type(norm).__name__} without running statistics")
        scale = (norm.running_var.double() + norm.eps).rsqrt()
        if norm.affine:
            scale = scale * norm.weight.double()
        shift = (norm.bias.double() if norm.affine else 0.0) - norm.running_mean.double() * scale
        if isinstance(previous, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) and not is_grouped(previous):
            weight, bias = self._arrays[-2].double(), self._arrays[-1].double()
            outputs = 1 if isinstance(previous, nn.ConvTranspose2d) else 0  # their dimension
            shape = [1] * previous.weight.dim()
            shape[outputs] = len(scale)
            self._arrays[-2] = (weight.view(previous.weight.shape) * scale.view(shape)).flatten()
            self._arrays[-1] = bias * scale + shift
        else:
            self.layers.append({"type": "scale", "channels": len(scale)})
            self._store(scale, shift)

    def _store(self, weight: Tensor, bias: Tensor) -> None:
        """Adds arrays to the weights, and their places to the last layer."""
        for name, array in (("weight", weight), ("bias", bias)):
            self.layers[-1][name] = self._size
            self._arrays.append(array.detach().flatten())
            self._size += array.numel()


def is_grouped(layer: nn.Module) -> bool:
    """Whether a transposed convolution has groups, whose weights have another order."""
    return isinstance(layer, nn.ConvTranspose2d) and layer.groups > 1


def flattened(network: nn.Module) -> Iterator[nn.Module]:
    """The layers of nested sequences, in order."""
    if isinstance(network, nn.Sequential):
        for layer in network:
            yield from flattened(layer)
    else:
        yield network


def pair(value: Any) -> list[int]:
    """A size for both directions."""
    return [value, value] if isinstance(value, int) else list(value)


def linear(layer: nn.Module) -> Layer:
    """A fully connected layer."""
    assert isinstance(layer, nn.Linear)
    return {"type": "linear", "inputs": layer.in_features, "outputs": layer.out_features}


def convolution(layer: nn.Module) -> Layer:
    """A convolution, or a transposed one."""
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UnknownLayerError(f"{type(layer).__name__} with padding {layer.padding_mode} {layer.padding}")
    return {
        "type": "conv" if isinstance(layer, nn.Conv2d) else "transposed",
        "kernel": list(layer.kernel_size),
        "stride": list(layer.stride),
        "padding": list(layer.padding),
        "dilation": list(layer.dilation),
        "groups": layer.groups,
    }


def pooling(layer: nn.Module) -> Layer:
    """A pooling layer with the usual options."""
    assert isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)
    is_max = isinstance(layer, nn.MaxPool2d)
    plain = (
        pair(layer.dilation) == [1, 1]
        if is_max
        else layer.count_include_pad and not layer.divisor_override and not layer.ceil_mode
    )
    if not plain:
        raise UnknownLayerError(f"{type(layer).__name__} with unusual options")
    sizes = {"kernel": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    return {"type": "pool", "kind": "max" if is_max else "mean"} | {
        key: pair(size) for key, size in sizes.items()
    }


def upsampling(layer: nn.Module) -> Layer:
    """An upsampling layer that repeats every pixel the same number of times."""
    assert isinstance(layer, nn.Upsample)
    factors = layer.scale_factor if isinstance(layer.scale_factor, tuple) else (layer.scale_factor or 1,)
    if layer.mode != "nearest" or any(factor % 1 for factor in factors):
        raise UnknownLayerError(f"Upsample with mode {layer.mode} and scale {layer.scale_factor}")
    return {"type": "upsample"}


DESCRIBED: dict[type[nn.Module], Callable[[nn.Module], Layer]] = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.ConvTranspose2d: convolution,
    nn.MaxPool2d: pooling,
    nn.AvgPool2d: pooling,
    nn.Upsample: upsampling,
    nn.UpsamplingNearest2d: upsampling,
}
