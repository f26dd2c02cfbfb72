"""The small networks and codes that the live figures run, in 8 bits, and the film of training.

A linear map y = W x + b is kept as a byte per weight and a scale per row: W[o, i] = scale[o] * byte[o, i].
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from figures import Runs
from torch import nn

from jlml.evaluation.history import kept_codes, step_in
from jlml.evaluation.subject import Subject

POINTS = 1000  # test images whose codes are shown
PICTURES = 40  # test images whose pixels are kept
FRAMES = 24  # of the film of training
FILMED = 600  # codes in it
LIVE = {
    "ae": "small loss=bce",
    **{f"beta_{b}": f"beta model.beta={b}" for b in ("0.1", "0.3", "1", "3", "10", "30", "100")},
}


def write_live(runs: Runs, folder: Path) -> None:
    """Writes `live.json`: decoders, codes, images and the film."""
    first = runs.subject(LIVE["beta_1"])
    some, kept = first.test_order[:POINTS], first.test_order[:PICTURES]
    content = {
        "models": {name: model_of(runs.subject(group), some) for name, group in LIVE.items()},
        "labels": first.data.test_labels[some].tolist(),
        "images": packed((first.test_images[kept] * 255).round().byte().numpy()),
        "film": film_of(runs.subject("movement")),
    }
    (folder / "live.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


def model_of(subject: Subject, some: torch.Tensor) -> dict[str, Any]:
    """A decoder and the codes of some test images."""
    return {"layers": layers_of(subject.model.decoder), "codes": places(subject.test_codes[some])}


def layers_of(decoder: nn.Module) -> list[dict[str, Any]]:
    """The linear maps of a decoder with ReLU between them."""
    layers = []
    for layer in decoder.modules():
        if isinstance(layer, nn.Linear):
            weight = layer.weight.detach()
            scale = weight.abs().amax(1, keepdim=True) / 127
            layers.append(
                {
                    "inputs": layer.in_features,
                    "outputs": layer.out_features,
                    "weight": packed((weight / scale).round().to(torch.int8).numpy()),
                    "scale": packed(scale.squeeze(1).half().numpy()),
                    "bias": packed(layer.bias.detach().half().numpy()),
                }
            )
        elif not isinstance(layer, nn.Sequential | nn.ReLU | nn.Unflatten):
            raise TypeError(f"The live figures know no {type(layer).__name__}.")
    return layers


def film_of(subject: Subject) -> dict[str, Any]:
    """The codes of validation images at moments of training, equally far apart on a logarithmic scale."""
    files, codes, labels = kept_codes(subject.run.path / "snapshots", 2, 10)
    chosen = sorted({int(n) - 1 for n in np.geomspace(1, len(files), FRAMES).round()})
    return {
        "steps": [step_in(files[n]) for n in chosen],
        "labels": labels[:FILMED].tolist(),
        "frames": [places(codes[n][:FILMED]) for n in chosen],
    }


def places(codes: torch.Tensor) -> dict[str, Any]:
    """Codes as 16-bit floats."""
    return {"values": packed(codes.half().numpy()), "count": len(codes)}


def packed(array: np.ndarray) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
