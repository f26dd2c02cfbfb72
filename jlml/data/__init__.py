"""Data sets: verified files, uint8 tensors in memory, splits and batches. Independent of any model."""

from jlml.data.datamodule import ImageDataModule, MNISTDataModule
from jlml.data.source import Source

__all__ = ["ImageDataModule", "MNISTDataModule", "Source"]
