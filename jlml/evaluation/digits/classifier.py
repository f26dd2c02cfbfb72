"""The network of the digit classifier, and its weights."""

import hashlib
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

NAME = "jlml-digits-1"  # change the number with the network or its weights: the scores do not compare
WEIGHTS = Path(__file__).with_name(f"{NAME}.safetensors")
FEATURES = 64


class DigitClassifier(nn.Module):
    """A classifier with four convolutions, 64 features, ten classes and 103,000 weights.

    Each feature has mean 0 and variance 1 over MNIST's training images, augmented as in training, so that all
    features have equal weight in a distance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv_block(1, 32, 5, stride=2),
            *conv_block(32, 32, 3),
            *conv_block(32, 64, 3, stride=2),
            *conv_block(64, 64, 3),
        )
        self.to_features = nn.Sequential(
            nn.AvgPool2d(3, stride=2), nn.Flatten(), nn.Linear(64 * 3 * 3, FEATURES)
        )
        self.standardise = nn.BatchNorm1d(FEATURES, affine=False)
        self.to_digits = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.Linear(FEATURES, 10))
        self.to(memory_format=torch.channels_last)

    def features(self, images: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 64"]:
        """The features of images with pixels in [0, 1]."""
        images = images.contiguous(memory_format=torch.channels_last)  # takes half the time on a CPU
        return self.standardise(self.to_features(self.body(images)))

    def forward(self, images: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 10"]:
        """Logits of the ten digits."""
        return self.to_digits(self.features(images))


def conv_block(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A convolution with batch norm and ReLU."""
    return [
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def load_classifier() -> DigitClassifier:
    """The classifier with its weights, in eval mode."""
    classifier = DigitClassifier()
    classifier.load_state_dict(load_file(WEIGHTS))
    return classifier.eval().requires_grad_(False)


@cache
def weights_hash() -> str:
    """SHA-256 of the weights. Scores with equal hashes can be compared."""
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
