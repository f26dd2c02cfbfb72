"""Handwritten digits of 8 x 8 pixels, from scikit-learn."""

import torch

from jlml.data.datamodule import ImageDataModule
from jlml.data.source import DIGITS, Source, fingerprint_of

LARGEST = 16  # value of a white pixel


class Digits8DataModule(ImageDataModule):
    """1,797 digits of 8 x 8 pixels, without a download. They are no part of MNIST.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """

    def read(self) -> Source:
        from sklearn.datasets import load_digits  # imported here: other data do not need it

        digits = load_digits()
        images = torch.from_numpy(digits.images).mul(255 / LARGEST).round().to(torch.uint8)[:, None]
        labels = torch.from_numpy(digits.target).long()
        return Source(self.name or "digits8", images, labels, DIGITS, fingerprint_of(images, labels))
