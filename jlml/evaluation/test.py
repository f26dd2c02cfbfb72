"""Tests a checkpoint on the test split of its own run."""

import json
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig

from jlml.config import make, plain
from jlml.data import MNISTDataModule
from jlml.errors import UserError
from jlml.runs import Run, write_whole
from jlml.training import check_device, measured, quieten

DEVICES = ("cpu", "gpu")


def evaluate(cfg: DictConfig) -> tuple[dict[str, float], Path]:
    """The test metrics of a run's checkpoint, and the file that they were written to.

    Args:
        cfg: as `evaluate.yaml` has it: run, checkpoint, device, data_root, trust.

    Raises:
        UserError: there is no such run, checkpoint or data.
    """
    quieten()
    config = plain(cfg)
    device = config["device"]
    if device not in DEVICES:
        raise UserError(f"device={device} is not possible. Use one of: {', '.join(DEVICES)}.")
    check_device({"trainer": {"accelerator": device}})
    given = Path(config["run"])
    which = given.stem if given.suffix == ".ckpt" else config["checkpoint"]
    run = Run.open(given)
    if given.suffix == ".ckpt" and given.resolve() != run.checkpoint(which).resolve():
        raise UserError(f"run={given} is not a checkpoint in the folder of its run. Name one, or the folder.")
    model = run.load_model(which, config["trust"])
    where = {} if config["data_root"] is None else {"root": config["data_root"]}
    data: MNISTDataModule = make(model.config["data"] | where, "data")
    trainer = Trainer(
        accelerator=device,
        devices=1,
        precision=model.config["trainer"]["precision"],
        deterministic=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(model, data, verbose=False)
    metrics = measured(trainer)
    folder = run.path / "evaluation"
    folder.mkdir(exist_ok=True)
    content = {"checkpoint": which, "data": data.source_name, "metrics": metrics}
    write_whole(folder / "metrics.json", json.dumps(content, indent=2) + "\n")
    return metrics, folder / "metrics.json"
