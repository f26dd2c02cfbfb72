"""The TensorBoard events of a run."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard.summary import hparams

from jlml.pictures.figures import Picture, as_png

# the tab Custom Scalars shows these quantities of all splits in one chart each
TOGETHER = ("loss", "nll", "kl", "mse", "bce")


class TensorBoard(TensorBoardLogger):
    """Writes to the run folder itself, and knows the few things that jlml logs.

    Args:
        save_dir: the run folder.
        purge_step: a resumed run logs again from this step on; what was logged there before is not shown.
    """

    def __init__(self, save_dir: str, purge_step: int | None = None) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False, purge_step=purge_step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds a point to each curve. Lightning adds the epoch to its metrics; it is not one."""
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)

    def lay_out(self) -> None:
        """One chart for train, validation and test of each quantity, on one scale."""
        charts = {name: ["Multiline", [f"(train|val|test)/{name}$"]] for name in TOGETHER}
        self.experiment.add_custom_scalars({"train, val and test": charts})

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Adds a picture, in one group with the others, which TensorBoard shows side by side."""
        height, width, _ = picture.shape
        png = as_png(picture, small=False)  # add_image takes as long to compress it as to draw it
        image = Summary.Image(height=height, width=width, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=f"pictures/{tag}", image=image)])
        self.experiment.file_writer.add_summary(summary, step)

    def project(
        self,
        codes: Float[Tensor, "codes latent"],
        images: Float[Tensor, "codes 1 height width"],
        labels: list[str],
        step: int,
    ) -> None:
        """Passes codes to the projector, each with its image and a label."""
        missing = max(0, 3 - codes.shape[1])  # the projector draws nothing for fewer than three columns
        codes = F.pad(codes, (0, missing))
        self.experiment.add_embedding(codes, labels, images, step, tag="codes")

    def conclude(self, choices: Mapping[str, Any], metrics: Mapping[str, float], step: int) -> None:
        """Sets the choices of a run beside its test metrics, and closes the file.

        Args:
            choices: hyperparameters.
            metrics: of the test.
            step: of the last checkpoint. The test stands one step further, so that a run that is extended
                does not keep it.
        """
        self.log_metrics(metrics, step + 1)
        for summary in hparams(dict(choices), dict(metrics)):
            self.experiment.file_writer.add_summary(summary)
        self.experiment.close()

    def finalize(self, status: str) -> None:
        """Flushes. The file stays open, because fit, validation and test of a run share it."""
        self.experiment.flush()

    def save(self) -> None:
        """Writes nothing: config.yaml has what Lightning's hparams.yaml would have."""


@contextmanager
def errors_once() -> Iterator[None]:
    """Inside, an error of TensorBoard's writing thread is not printed: it is raised again by the next log."""
    before = threading.excepthook

    def hook(arguments: Any) -> None:
        if not isinstance(arguments.exc_value, OSError):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
