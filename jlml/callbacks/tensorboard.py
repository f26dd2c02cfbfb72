"""The TensorBoard events of a run."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import google_crc32c
import torch.nn.functional as F
from jaxtyping import Float
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
from torch import Tensor
from torch.utils.tensorboard.summary import hparams

from jlml.plots import Picture, as_png

# tensorboard's own is a Python loop over the bytes of each record: for a round of pictures, .06 s in a thread
# that holds up all others
pywrap_tensorflow.crc32c = google_crc32c.value

# The tab Custom Scalars shows these quantities of all splits in one chart each.
TOGETHER = ("loss", "nll", "kl", "mse", "bce")


class TensorBoard(TensorBoardLogger):
    """Writes into the run folder itself, and knows the few things that jlml logs."""

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False)

    def forget_after(self, step: int) -> None:
        """What was logged after this step is not shown: the run goes on from there, and logs it again."""
        self._kwargs["purge_step"] = step + 1

    def lay_out(self) -> None:
        """One chart for train, validation and test of each quantity, on one scale."""
        charts = {name: ["Multiline", [f"(train|val|test)/{name}$"]] for name in TOGETHER}
        self.experiment.add_custom_scalars({"train, val and test": charts})

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Adds a picture, in one group with the others: TensorBoard shows a group side by side."""
        height, width, _ = picture.shape
        png = as_png(picture, small=False)  # add_image would take as long to compress it as to draw it
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
        """Hands codes to the projector, with a small picture and a label each."""
        missing = max(0, 3 - codes.shape[1])  # the projector draws nothing for fewer than three columns
        codes = F.pad(codes, (0, missing))
        self.experiment.add_embedding(codes, labels, images, step, tag="codes")

    def conclude(self, choices: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Sets the choices of a run beside its final metrics, and closes the file."""
        for summary in hparams(dict(choices), dict(metrics)):
            self.experiment.file_writer.add_summary(summary)
        self.experiment.close()

    def finalize(self, status: str) -> None:
        """Flushes only: fit, validation and test of a run share one events file."""
        self.experiment.flush()

    def save(self) -> None:
        """Nothing: config.yaml says what Lightning's hparams.yaml would."""


@contextmanager
def errors_once() -> Iterator[None]:
    """What a writing thread meets is raised where one logs next: inside, the thread does not print it too."""
    before = threading.excepthook

    def heard(arguments: Any) -> None:
        if not isinstance(arguments.exc_value, OSError):
            before(arguments)

    threading.excepthook = heard
    try:
        yield
    finally:
        threading.excepthook = before
