"""Finds the data of a recorded run."""

from pathlib import Path

from jlml.data.mnist import DEFAULT_ROOT, IDX_DATASETS, MNIST_5K, find_file
from jlml.errors import UserError


def recorded_root(name: str, root: str) -> str:
    """The data root that a run recorded, if it still contains the data.

    The config is untrusted, so nothing is downloaded or written to the folder that it names. `mnist_5k` needs
    no file; without one the default root is returned.

    Raises:
        UserError: the folder does not contain the data.
    """
    if name == "mnist_5k":
        return root if (Path(root) / MNIST_5K).is_file() else DEFAULT_ROOT
    dataset = IDX_DATASETS.get(name)
    raw = Path(root) / dataset.folder / "raw" if dataset else None
    if dataset and raw and all(find_file(raw, file) for file in dataset.checksums):
        return root
    raise UserError(
        f"{root}, where the run had its data, has no {name}. Name the folder that has it now: "
        "data.root=<folder>."
    )
