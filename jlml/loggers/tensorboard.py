"""The TensorBoard logger of a run."""

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from jlml.pictures.figures import Picture, as_png

SPLITS = ("train", "val", "test")
GROUP = "metrics"  # all charts in one group, side by side
# metrics that every model reports: the tab HParams drops runs that lack one of its columns
COMPARED = ("mse", "bce", "loss", "nll")
TICKED = 7  # hyperparameters that the tab shows at first


class TensorBoard(TensorBoardLogger):
    """Logs metrics, pictures, codes and hyperparameters to the run folder itself.

    The metrics of each split go to a subfolder. TensorBoard then shows training, validation and test of a
    quantity as curves of one chart, each with its own colour.

    Args:
        save_dir: run folder.
        purge_step: first step that a resumed run logs again; TensorBoard hides older events from there on.
    """

    def __init__(self, save_dir: str, purge_step: int | None = None) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False, purge_step=purge_step)
        self._purge_step = purge_step
        self._writers: dict[str, SummaryWriter] = {}
        self._hyperparameters: dict[str, Any] = {}
        self._tested: set[str] = set()  # names of the test metrics

    @staticmethod
    def viewer(run: Path, options: Mapping[str, Any]) -> str:
        """The command that shows this run and those beside it."""
        return f"tensorboard --logdir {quote(str(run.parent))}"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds a point to each curve, except for the epoch, which Lightning adds to the metrics."""
        for name, value in metrics.items():
            split, _, quantity = name.partition("/")
            if split == "test":
                self._tested.add(name)
            if split in SPLITS and quantity:
                self.writer(split).add_scalar(f"{GROUP}/{quantity}", value, step)
            elif name != "epoch":
                super().log_metrics({name: value}, step)

    def writer(self, split: str) -> SummaryWriter:
        """The writer of a split's subfolder."""
        if split not in self._writers:
            folder = Path(self.save_dir, split)
            self._writers[split] = SummaryWriter(str(folder), purge_step=self._purge_step)
        return self._writers[split]

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

    def log_hyperparams(self, params: Mapping[str, Any], *_: Any, **__: Any) -> None:  # type: ignore[override]
        """Keeps the hyperparameters for the end: their tab shows them beside the test metrics."""
        self._hyperparameters = dict(params)

    def finalize(self, status: str) -> None:
        """Closes the event files; after a success with the hyperparameters."""
        if status == "success":
            experiment, *session = hparams(self._hyperparameters, {})
            for summary in (with_columns(experiment, self._tested), *session):
                self.experiment.file_writer.add_summary(summary)
        for writer in (self.experiment, *self._writers.values()):
            writer.close()

    def flush(self) -> None:
        """Flushes the event files."""
        for writer in (self.experiment, *self._writers.values()):
            writer.flush()

    def save(self) -> None:
        """Writes nothing, because config.yaml replaces Lightning's hparams.yaml."""


def with_columns(experiment: Summary, tested: Collection[str]) -> Summary:
    """Sets the columns of the tab HParams: the hyperparameters first, then `COMPARED` metrics of the test.

    TensorBoard shows those hyperparameters first that are marked as different between runs, and ticks seven.
    """
    plugin = experiment.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    for info in content.experiment.hparam_infos[:TICKED]:
        info.differs = True
    for name in (name for name in COMPARED if f"test/{name}" in tested):
        column = content.experiment.metric_infos.add(display_name=f"test {name}")
        column.name.group, column.name.tag = "test", f"{GROUP}/{name}"
    plugin.content = content.SerializeToString()
    return experiment


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
