"""Explorer pages of models that were never trained, so that a test costs no training run."""

import json
import re
from pathlib import Path

import torch
from torch import nn

from jlml.config.schema import Evaluate
from jlml.data import ImageDataModule
from jlml.data.source import Source
from jlml.evaluation.explorer import explorer_page
from jlml.evaluation.subject import Subject
from jlml.runs import Run


class Noise(ImageDataModule):
    """Random images of any shape, with any class names and labels."""

    def __init__(self, shape=(1, 28, 28), names=tuple("0123456789"), lowest=0, count=200):
        super().__init__()
        self.shape, self.names, self.lowest, self.count = shape, names, lowest, count

    def read(self):
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (self.count, *self.shape), generator=generator, dtype=torch.uint8)
        labels = torch.arange(self.count) % max(1, len(self.names) - self.lowest) + self.lowest
        return Source("noise", images, labels, self.names, "v1")


class Untrained(Subject):
    """A model and its images, without a run folder."""

    def __init__(self, model, data, name="some run", **explorer):
        data.setup()
        self.model, self.data = model.eval().requires_grad_(False), data
        self.run = Run(Path(name))
        self.which, self.device = "best", torch.device("cpu")
        self.settings = Evaluate(explorer=explorer)
        self.config = {"choices": {"model": "own", "loss": "own"}, "changes": []}


def page_of(model, data, title="", **explorer):
    return explorer_page([Untrained(model, data, **explorer)], {"Report": "report.html"}, title)


def content_of(page):
    (text,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


@torch.no_grad()
def randomised(network):
    """Random statistics and scales in every batch norm: those of an untrained network are 0 and 1."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            if layer.affine:
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_()
    return network.eval()
