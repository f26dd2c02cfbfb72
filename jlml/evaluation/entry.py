"""From the config of `evaluate.py` to one evaluation, or a comparison of several."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from jlml.config import Config, check_evaluation, plain
from jlml.errors import UserError, did_you_mean
from jlml.evaluation.one import evaluate_run
from jlml.evaluation.parts import PARTS
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison, compare
from jlml.evaluation.subject import Settings
from jlml.runs import Run
from jlml.training.quiet import quieten

log = logging.getLogger(__name__)


def evaluate(cfg: DictConfig) -> Evaluation | Comparison:
    """Evaluates the run that a config names, or compares its runs.

    Args:
        cfg: as `evaluate.yaml` has it, or `jlml.compose(..., config_name="evaluate")`.

    Raises:
        UserError: the run, checkpoint, part or data do not exist.
    """
    quieten()
    config = plain(cfg)
    check_evaluation(config)
    if config["device"] == "gpu" and not torch.cuda.is_available():
        raise UserError("device=gpu needs a CUDA GPU, and none was found. Use device=cpu.")
    try:
        return evaluate_config(config)
    except OSError as error:  # not every one names the file
        what = error.filename or "A file of the evaluation"
        raise UserError(f"{what} cannot be read or written: {error.strerror or error}.") from error


def evaluate_config(config: Config) -> Evaluation | Comparison:
    """One evaluation, or a comparison."""
    settings = settings_of(config)
    which, parts = config["checkpoint"], config["parts"]
    if sum(config[key] is not None for key in ("run", "runs", "sweep")) != 1:
        raise UserError(
            "Use run=<folder> to evaluate one run, runs=<folder, list or glob> to compare several runs, or "
            "sweep=<folder> to compare the runs of a sweep."
        )
    if config["run"] is None:
        compared = parts_of(parts, default_without=("tsne",))
        several = config["runs"] if config["sweep"] is None else sweep_folder(str(config["sweep"]))
        return compare(several, which, compared, settings, config["reuse"], config["output_dir"])
    run, which = one_run(str(config["run"]), which)
    state = run.state()
    if state not in ("finished", "pruned"):
        log.warning("%s has not finished (%s): this is its %s checkpoint so far.", run.path, state, which)
    return evaluate_run(run, which, parts_of(parts), settings)


def settings_of(config: Config) -> Settings:
    """The settings of an evaluation from its plain config."""
    axes, images = config["plane"]["axes"], config["plane"]["images"]
    return Settings(
        seed=config["seed"],
        device=config["device"],
        batch_size=config["batch_size"],
        importance_samples=config["importance_samples"],
        samples=config["samples"],
        tsne_images=config["tsne_images"],
        plane_axes=None if axes is None else tuple(axes),
        plane_images=None if images is None else tuple(images),
        data_root=config["data"]["root"],
        trust=config["trust"],
    )


def parts_of(names: Any, default_without: Sequence[str] = ()) -> list[str]:
    """The named parts, in the order of `PARTS`.

    Args:
        names: a list, or one name; None for all.
        default_without: parts that are left out if ``names`` is None.

    Raises:
        UserError: a name is not a part.
    """
    if names is None:
        return [name for name in PARTS if name not in default_without]
    given = [str(name) for name in names] if isinstance(names, list) else [str(names)]
    for name in given:
        if name not in PARTS:
            hint = did_you_mean(name, PARTS)
            raise UserError(f"parts={name} is not a part.{hint} Use some of: {', '.join(PARTS)}.")
    if not given:
        raise UserError(f"parts=[] leaves nothing to do. Use some of: {', '.join(PARTS)}, or null for all.")
    return [name for name in PARTS if name in given]


def sweep_folder(given: str) -> str:
    """The folder of a sweep, which holds its runs.

    Raises:
        UserError: it is not one.
    """
    if not (Path(given) / "sweep.yaml").is_file():
        raise UserError(
            f"sweep={given} is not the folder of a sweep: it has no sweep.yaml. For other folders, use "
            "runs=<folder>."
        )
    return given


def one_run(given: str, checkpoint: str) -> tuple[Run, str]:
    """The run in a folder, or the run of a checkpoint file, and the name of the checkpoint."""
    path = Path(given)
    run = Run.open(path)
    if path.suffix != ".ckpt":
        return run, checkpoint
    if path.resolve() != run.checkpoint(path.stem).resolve():
        raise UserError(
            f"run={path} is not a checkpoint in the folder of its run. Name such a checkpoint, or the folder."
        )
    return run, path.stem
