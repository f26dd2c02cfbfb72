"""Loggers that cannot end a run."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from jlml.errors import first_line
from jlml.files import read_limited, write_atomically
from jlml.pictures import PictureLogger
from jlml.pictures.figures import Picture
from jlml.shapes import Codes, Images

log = logging.getLogger(__name__)

LONGEST_ID = 200  # bytes


class Guarded(PictureLogger):
    """A logger that warns at its first error and then logs no more, so that training goes on.

    Every logger of Lightning gets numbers and hyperparameters. One with a method `draw` also gets pictures,
    and one with `project` gets codes: see `TensorBoard`.

    Args:
        logger: logger to guard.
        key: its key in the config, for the warning.
    """

    def __init__(self, logger: Logger, key: str) -> None:
        super().__init__()
        self.logger = logger
        self.key = key
        self.failed = False

    @property
    def name(self) -> str:
        return self.key

    @property
    def version(self) -> str:
        return ""

    def can(self, method: str) -> bool:
        return not self.failed and hasattr(self.logger, method)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._call("log_metrics", metrics, step)

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        self._call("log_hyperparams", params)

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        self._call("draw", tag, picture, step)

    def project(self, codes: Codes, images: Images, labels: Sequence[str], step: int) -> None:
        self._call("project", codes, images, labels, step)

    def finalize(self, status: str) -> None:
        """Flushes. Only a failure ends the logger, because the test follows the fit."""
        if status == "failed":
            self._call("finalize", status)
        else:
            self._call("flush")

    def conclude(self, metrics: Mapping[str, float], step: int) -> None:
        """Logs the test metrics one step after the last checkpoint, and ends the logger.

        A run that is extended then logs this step again.
        """
        self.log_metrics(metrics, step + 1)
        self._call("finalize", "success")

    def _call(self, method: str, *arguments: Any) -> None:
        if not self.can(method):
            return
        try:
            getattr(self.logger, method)(*arguments)
        except Exception as error:  # of any library
            self.failed = True
            log.warning("%s failed, logs no more, and the training goes on: %s.", self.key, first_line(error))


def kept_id(file: Path) -> str | None:
    """The id in a file of the run folder, under which a service knows the run; None if there is none."""
    try:
        return read_limited(file, LONGEST_ID).decode().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def keep_id(file: Path, new: str) -> None:
    """Writes an id to a file of the run folder."""
    write_atomically(file, f"{new}\n")
