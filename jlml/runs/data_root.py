"""Where the data of a run are: the place that its config names, if it holds them."""

from pathlib import Path

from jlml.data.mnist import DEFAULT_ROOT, IDX_DATASETS, MNIST_5K, find_file
from jlml.errors import UserError


def recorded_root(name: str, root: str) -> str:
    """The data root that a run recorded, if the data are there.

    The config may come from anyone, so nothing is downloaded or written to the folder that it names. The
    images of `mnist_5k` can be had without a file; for them it is the usual root.

    Raises:
        UserError: the data are not there.
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
