"""MLflow, of the extra `mlflow`."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from lightning.pytorch.loggers import MLFlowLogger

from jlml.errors import extra_needed
from jlml.loggers.guarded import keep_id, kept_id
from jlml.pictures.figures import Picture

DATABASE = "sqlite:///"
NOTE = "mlflow.note.content"  # the tag that MLflow shows as the description of a run


class MLflow(MLFlowLogger):
    """Logs metrics, hyperparameters and pictures to MLflow.

    A resumed run continues the same run there: its id is in `mlflow_id.txt` in the run folder.

    Args:
        save_dir: run folder.
        name: name of the run.
        tags: tags of the run.
        note: note of the run.
        tracking_uri: address of the server, or `sqlite:///<file>` for a local database; a folder of its name
            then has the pictures.
        experiment: name of the experiment.
    """

    ID = "mlflow_id.txt"

    def __init__(
        self,
        save_dir: str,
        name: str,
        tracking_uri: str,
        tags: Sequence[str] = (),
        note: str | None = None,
        experiment: str = "jlml",
    ) -> None:
        with extra_needed("mlflow", "logger=mlflow needs a package"):
            import mlflow  # noqa: F401
        logging.getLogger("mlflow.store.db").setLevel(logging.WARNING)  # it reports that it makes tables
        file = Path(save_dir, self.ID)
        there = kept_id(file)
        super().__init__(
            experiment,
            name,
            tracking_uri,
            tags={f"tag.{tag}": "true" for tag in tags} | ({} if note is None else {NOTE: note}),
            artifact_location=pictures_folder(tracking_uri),
            run_id=there,
        )
        if there is None:
            keep_id(file, str(self.run_id))
        else:
            self.experiment.update_run(there, status="RUNNING")

    @staticmethod
    def viewer(run: Path, options: Mapping[str, Any]) -> str:
        """The command that shows all runs of the database or server."""
        return f"mlflow ui --backend-store-uri {quote(options['tracking_uri'])}"

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Logs what is not yet logged: MLflow refuses another value, as of a run with more epochs."""
        logged = self.experiment.get_run(self.run_id).data.params
        super().log_hyperparams({name: value for name, value in params.items() if name not in logged})

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Adds a picture to the run's artifacts, where the page of the run shows it by step."""
        self.experiment.log_image(self.run_id, picture, key=f"pictures/{tag}", step=step)


def pictures_folder(tracking_uri: str) -> str | None:
    """The folder for pictures beside a local database; None if the server chooses."""
    if not tracking_uri.startswith(DATABASE):
        return None
    return Path(tracking_uri.removeprefix(DATABASE)).resolve().with_suffix("").as_uri()
