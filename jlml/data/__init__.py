"""Data sets: verified files, uint8 tensors in memory, splits and batches. Independent of any model."""

from jlml.data.datamodule import ImageDataModule
from jlml.data.digits8 import Digits8DataModule
from jlml.data.folder import FolderDataModule
from jlml.data.mnist import MNISTDataModule
from jlml.data.npz import NpzDataModule
from jlml.data.source import Source
from jlml.data.sprites import SpritesDataModule
from jlml.data.torchvision_sets import TorchvisionDataModule

__all__ = [
    "Digits8DataModule",
    "FolderDataModule",
    "ImageDataModule",
    "MNISTDataModule",
    "NpzDataModule",
    "Source",
    "SpritesDataModule",
    "TorchvisionDataModule",
]
