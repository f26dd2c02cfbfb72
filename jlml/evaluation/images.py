"""The images of a run, and other image files prepared like them."""

from collections.abc import Iterable
from pathlib import Path

import torch

from jlml.config.schema import Evaluate
from jlml.data.image_files import read_image
from jlml.data.pixels import TREATMENTS, fit_to
from jlml.errors import UserError
from jlml.evaluation.subject import Subject
from jlml.runs import Run
from jlml.shapes import Images, Labels


def subject_of(run: Run | Path | str, checkpoint: str = "best", trust: bool = False) -> Subject:
    """A run with its model and data, as evaluations use it.

    Raises:
        UserError: the run or its data cannot be loaded.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    return Subject(run, checkpoint, Evaluate(trust=trust))


def images(run: Run | Path | str, trust: bool = False) -> tuple[Images, Labels]:
    """The test images of a run, in [0, 1], (N, channels, height, width), and their labels, -1 for none.

    Args:
        run: a run or its folder.
        trust: accept a config that names classes outside jlml, torch and lightning.

    Raises:
        UserError: the run or its data cannot be loaded.
    """
    subject = subject_of(run, trust=trust)
    return subject.test_images, subject.data.test_labels


def prepare(run: Run | Path | str, files: Iterable[Path | str], trust: bool = False) -> Images:
    """Image files as the data of a run were prepared: size, fit, channels and pixels. Ready for `encode`.

    Args:
        run: a run or its folder.
        files: image files of any size, grey or in colour.
        trust: accept a config that names classes outside jlml, torch and lightning.

    Raises:
        UserError: a file cannot be read, or the run has images that are not square and of another size.
    """
    config = (run if isinstance(run, Run) else Run.open(run)).config(trust)
    channels, height, width = config["image_shape"]
    data, prepared = config["data"], []
    for file in files:
        image = read_image(Path(file), channels, data.get("background") or 0)
        if image.shape[1:] != (height, width):
            if height != width:
                raise UserError(
                    f"{file} has {image.shape[1]} x {image.shape[2]} pixels, and the images of this run have "
                    f"{height} x {width}. Bring it to this size."
                )
            image = fit_to(image[None], height, data["fit"])[0]
        prepared.append(image)
    if not prepared:
        raise UserError("prepare() got no files. Name at least one image file.")
    treat = TREATMENTS[data["pixels"]]
    return treat(torch.stack(prepared), torch.Generator().manual_seed(data["seed"]))
