"""Weights & Biases, of the extra `wandb`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning.pytorch.loggers import WandbLogger

from jlml.errors import UserError, extra_needed, first_line
from jlml.loggers.guarded import keep_id, kept_id
from jlml.pictures.figures import Picture

STEP = "trainer/global_step"  # Lightning logs the optimizer steps under this name


class WandB(WandbLogger):
    """Logs metrics, hyperparameters and pictures to Weights & Biases.

    A resumed run continues the same run there: its id is in `wandb_id.txt` in the run folder.

    Args:
        save_dir: run folder.
        name: name of the run.
        tags: tags of the run.
        note: note of the run.
        folder: folder in which wandb makes its folder `wandb`. Not the run folder: it has links to elsewhere.
        project: project on the server.
        entity: user or team; None for the default one.
        group: group of the run, for example its sweep.
        offline: write only to the folder; `wandb sync` uploads it later.

    Raises:
        UserError: wandb is not installed, or cannot start.
    """

    ID = "wandb_id.txt"

    def __init__(
        self,
        save_dir: str,
        name: str,
        folder: str,
        tags: Sequence[str] = (),
        note: str | None = None,
        project: str = "jlml",
        entity: str | None = None,
        group: str | None = None,
        offline: bool = False,
    ) -> None:
        with extra_needed("wandb", "logger=wandb needs a package"):
            import wandb
        id_file = Path(save_dir, self.ID)
        run_id = kept_id(id_file) or uuid4().hex[:8]
        try:
            run = wandb.init(
                dir=folder,
                id=run_id,
                resume="allow",
                name=name,
                tags=list(tags),
                notes=note,
                project=project,
                entity=entity,
                group=group,
                mode="offline" if offline else None,
                settings=wandb.Settings(silent=offline, console="off"),
            )
        except Exception as error:  # about the login, the network or the folder
            raise UserError(
                f"logger=wandb cannot start: {first_line(error)}. Without login or network, add "
                "logger.wandb.offline=true, and upload with wandb sync later."
            ) from error
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        keep_id(id_file, run_id)
        super().__init__(experiment=run)

    @staticmethod
    def viewer(run: Path, options: Mapping[str, Any]) -> str | None:
        """The command that uploads an offline run; None for one that is online."""
        written = Path(options["folder"], "wandb", "offline-run-*-")
        return f"wandb sync {written}{kept_id(run / WandB.ID)}" if options.get("offline") else None

    def draw(self, tag: str, picture: Picture, step: int) -> None:
        """Adds a picture to the section `pictures`."""
        self.log_image(f"pictures/{tag}", [picture], step)

    def finalize(self, status: str) -> None:
        """Ends the run on the server."""
        self.experiment.finish(exit_code=0 if status == "success" else 1)
