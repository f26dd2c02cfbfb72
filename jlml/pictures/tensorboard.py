"""The TensorBoard logger of a run."""

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

# quantities with one chart for all splits in the tab Custom Scalars
SHARED_CHARTS = ("loss", "nll", "kl", "mse", "bce")


class TensorBoard(TensorBoardLogger):
    """Logs metrics, pictures, codes and hyperparameters to the run folder itself.

    Args:
        save_dir: run folder.
        purge_step: first step that a resumed run logs again; TensorBoard hides older events from there on.
    """

    def __init__(self, save_dir: str, purge_step: int | None = None) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False, purge_step=purge_step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds a point to each curve, except for the epoch, which Lightning adds to the metrics."""
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)

    def lay_out(self) -> None:
        """Adds custom charts that show train, validation and test of a quantity together."""
        charts = {name: ["Multiline", [f"(train|val|test)/{name}$"]] for name in SHARED_CHARTS}
        self.experiment.add_custom_scalars({"train, val and test": charts})

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Adds a picture to the group `pictures`, which TensorBoard shows side by side."""
        height, width, _ = picture.shape
        png = as_png(picture, small=False)  # add_image would compress it, which takes as long as drawing
        image = Summary.Image(height=height, width=width, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=f"pictures/{tag}", image=image)])
        self.experiment.file_writer.add_summary(summary, step)

    def project(
        self,
        codes: Float[Tensor, "codes latent"],
        images: Float[Tensor, "codes channels height width"],
        labels: list[str],
        step: int,
    ) -> None:
        """Adds codes to the projector, each with its image and its label."""
        missing = max(0, 3 - codes.shape[1])  # the projector needs at least three columns
        codes = F.pad(codes, (0, missing))
        self.experiment.add_embedding(codes, labels, images, step, tag="codes")

    def conclude(self, choices: Mapping[str, Any], metrics: Mapping[str, float], step: int) -> None:
        """Logs hyperparameters with the test metrics, and closes the event file.

        Args:
            choices: hyperparameters of the run.
            metrics: test metrics.
            step: step of the last checkpoint. The test is logged one step later, so that it is purged if the
                run is extended.
        """
        self.log_metrics(metrics, step + 1)
        for summary in hparams(dict(choices), dict(metrics)):
            self.experiment.file_writer.add_summary(summary)
        self.experiment.close()

    def finalize(self, status: str) -> None:
        """Flushes the event file. It stays open, because fit, validation and test share it."""
        self.experiment.flush()

    def save(self) -> None:
        """Writes nothing, because config.yaml replaces Lightning's hparams.yaml."""


@contextmanager
def errors_once() -> Iterator[None]:
    """Does not print write errors of TensorBoard's thread, because its next call raises them again."""
    before = threading.excepthook

    def hook(arguments: Any) -> None:
        if not isinstance(arguments.exc_value, OSError):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
