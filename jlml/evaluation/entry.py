"""Evaluates or exports one run or compares several, as the config of `evaluate.py` says."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from jlml.config import Config, check_evaluation, composed
from jlml.config.schema import OUTPUTS, Evaluate
from jlml.errors import UserError, did_you_mean
from jlml.evaluation.export import Export, export_run
from jlml.evaluation.one import evaluate_run
from jlml.evaluation.parts import PARTS
from jlml.evaluation.record import Evaluation
from jlml.evaluation.several import Comparison, compare_runs
from jlml.runs import Run
from jlml.runs.finding import last_replaced
from jlml.training.quiet import silence_lightning

log = logging.getLogger(__name__)


def evaluate(*config: DictConfig | Run | Path | str, **keys: Any) -> Evaluation | Comparison | Export:
    """Evaluates or exports one run, or compares several: ``evaluate(run, parts=["codes"])``.

    Args:
        config: a run or its folder, or a composed config of `evaluate.py`, or overrides such as
            ``"run=outputs/..."``.
        keys: more keys of `evaluate.py` with their values.

    Raises:
        UserError: the run, checkpoint, part or data do not exist.
    """
    run, *others = config or (None,)
    if isinstance(run, Run | Path) or (isinstance(run, str) and "=" not in run):
        config, keys = tuple(others), {"run": run, **keys}
    return evaluate_config(with_keys(composed(config, "evaluate"), keys))


def compare(runs: Sequence[Run | Path | str] | str, **keys: Any) -> Comparison:
    """Compares several runs, as `evaluate.py runs=...` does.

    Args:
        runs: runs or their folders, or one folder or glob that finds them.
        keys: more keys of `evaluate.py` with their values.

    Raises:
        UserError: there are fewer than two runs, or one cannot be loaded.
    """
    names = runs if isinstance(runs, str) else [as_text(run) for run in runs]
    comparison = evaluate_config(with_keys(composed((), "evaluate"), {"runs": names, **keys}))
    assert isinstance(comparison, Comparison)
    return comparison


def with_keys(config: Config, keys: Mapping[str, Any]) -> Config:
    """The config with other values of some keys; a key in a group is a dict: ``data={"root": ...}``.

    Raises:
        UserError: there is no such key.
    """
    for key, value in keys.items():
        if key not in config:
            raise UserError(f"{key} is not a key of evaluate.py.{did_you_mean(key, config)}")
        is_group = isinstance(config[key], dict) and isinstance(value, Mapping)
        config[key] = {**config[key], **value} if is_group else as_text(value)
    return config


def as_text(value: Any) -> Any:
    """The folder of a run, and a path, as a text; anything else as it is."""
    return str(value.path if isinstance(value, Run) else value) if isinstance(value, Run | Path) else value


def evaluate_config(plain_config: Config) -> Evaluation | Comparison | Export:
    """Evaluates what a plain config names.

    Raises:
        UserError: a key is invalid, or the run, checkpoint, part or data do not exist.
    """
    silence_lightning()
    check_evaluation(plain_config)
    settings = Evaluate.model_validate(plain_config)
    if settings.device == "gpu" and not torch.cuda.is_available():
        raise UserError("device=gpu needs a CUDA GPU, and none was found. Use device=cpu.")
    try:
        return evaluate_with(settings)
    except OSError as error:  # not every OSError has a file name
        what = error.filename or "A file of the evaluation"
        raise UserError(f"{what} cannot be read or written: {error.strerror or error}.") from error


def evaluate_with(settings: Evaluate) -> Evaluation | Comparison | Export:
    """One evaluation, comparison or export, with valid settings."""
    given = [each for each in (settings.run, settings.runs, settings.sweep) if each is not None]
    if len(given) != 1:
        raise UserError(
            "Use run=<folder> to evaluate one run, runs=<folder, list or glob> to compare several runs, or "
            "sweep=<folder> to compare the runs of a sweep."
        )
    if settings.export and (settings.run is None or settings.parts is not None):
        raise UserError("export=onnx exports one run and evaluates nothing. Use run=<folder> without parts.")
    if settings.run is None:
        several = settings.runs if settings.sweep is None else sweep_folder(str(settings.sweep))
        return compare_runs(several, parts_of(settings, ("tsne", "images", "explorer")), settings)
    given_run = last_replaced(settings.run, settings.output_dir or OUTPUTS)
    run, which = one_run(str(given_run), settings.checkpoint)
    state = run.state()
    if state not in ("finished", "pruned"):
        log.warning("%s is not finished (%s). Using its present %s checkpoint.", run.path, state, which)
    if settings.export:
        return export_run(run, which, settings)
    return evaluate_run(run, which, parts_of(settings), settings)


def parts_of(settings: Evaluate, default_without: Sequence[str] = ()) -> list[str]:
    """The named parts in the order of `PARTS`; if none are named, all but ``default_without``.

    With ``read_as`` and no names, only the part of this name.

    Raises:
        UserError: a name is not a part.
    """
    names = settings.parts
    if names is None and settings.read_as is not None:
        return ["read_as"]
    if names is None:
        return [name for name in PARTS if name not in (*default_without, "read_as")]
    given = [str(name) for name in names] if isinstance(names, list) else [str(names)]
    for name in given:
        if name not in PARTS:
            hint = did_you_mean(name, PARTS)
            raise UserError(f"parts={name} is not a part.{hint} Use some of: {', '.join(PARTS)}.")
    if not given:
        raise UserError(f"parts=[] is empty. Use some of: {', '.join(PARTS)}, or null for all.")
    return [name for name in PARTS if name in given]


def sweep_folder(given: str) -> str:
    """Checks that a folder is the folder of a sweep.

    Raises:
        UserError: it is not.
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
