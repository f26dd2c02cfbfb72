"""From files to verified uint8 tensors, to splits, to batches. Knows no model."""

from jlml.data.datamodule import ImageDataModule, MNISTDataModule
from jlml.data.source import Source

__all__ = ["ImageDataModule", "MNISTDataModule", "Source"]
