"""Files to verified tensors, to splits, to batches. Knows no model."""

from jlml.data.datamodule import MNISTDataModule

__all__ = ["MNISTDataModule"]
