"""A run from its config to its folder, in a straight line."""

import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

import jlml
from jlml.callbacks import (
    BestCheckpoint,
    Drawing,
    Gallery,
    Heartbeat,
    LastCheckpoint,
    Patience,
    ProgressBar,
    TensorBoard,
    Throughput,
    WholeCheckpoints,
    errors_once,
)
from jlml.config import Config, check, command, make, plain, shown, trust_needed, word
from jlml.data import MNISTDataModule
from jlml.errors import DivergedError, UserError, gist
from jlml.hardware import check_device, keep_freed_memory, of_lightning, within_means
from jlml.models import Autoencoder, build_model
from jlml.onednn import fast_products
from jlml.processes import Termination, another_blamed, meet, of_first, one_fate
from jlml.runs import Run, missing_folders, step_of

log = logging.getLogger(__name__)

OF_COMMAND = ("sweep", "resume", "trust")  # keys of a config that are no part of a run
PACKAGES = ("torch", "lightning", "torchvision", "hydra-core", "numpy")


class Pruned(Exception):  # noqa: N818 - it is no error
    """What a callback raises to end a run that is not worth more time. The run says so, and is whole."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"pruned after {epochs} epochs")
        self.epochs = epochs


@dataclass(frozen=True)
class Trained:
    """What a training run made. The model holds the best checkpoint's weights."""

    run: Run
    model: Autoencoder
    data: MNISTDataModule
    trainer: Trainer
    metrics: dict[str, float]


@one_fate
def train(
    cfg: DictConfig,
    parent: Path | None = None,
    *,
    run: Run | None = None,
    progress: Sequence[Callback] | None = None,
) -> Trained:
    """Trains the model of a config, tests its best checkpoint, and leaves a run folder.

    Args:
        cfg: as `jlml.config.compose` gives it, or `train.py`.
        parent: where a new run folder is made; ``cfg.output_dir`` by default.
        run: the run folder, instead of a new one. If a run of this config was cut off there, it goes on
            from its last checkpoint.
        progress: callbacks that follow training; a progress bar by default.

    Raises:
        UserError: the config or the data are not right; before anything is trained or written.
    """
    quieten()
    config = plain(cfg)
    check(config)
    if "search" in config:
        raise UserError("search=... asks for many runs: python train.py, or jlml.search.search(config).")
    config = {key: value for key, value in config.items() if key not in OF_COMMAND}
    check_device(config)
    config = within_means(config)
    if config.get("threads"):
        torch.set_num_threads(config["threads"])
    seed_everything(config["seed"], verbose=False)
    # in deterministic mode torch fills new memory with NaN, lest someone reads it: no one here does, and it
    # costs a small net some hundredths of its step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    keep_freed_memory()

    data: MNISTDataModule = make(config["data"], "data")
    data.setup()
    config["data"]["name"] = data.source_name  # what was read, should the fallback stand in
    config["data"]["fallback"] = False
    model = build_model(config, data.image_shape)
    model.max_gradient_norm = config["trainer"].get("gradient_clip_val")
    model.capture_steps = config["trainer"].get("capture", False)
    if config["trainer"].get("compile"):
        model.compile_passes(min(config["data"]["batch_size"], len(data.train_images)))
    check_optimizer(model)
    nodes = config.get("callbacks") or {}
    callbacks = [make(node, f"callbacks.{name}") for name, node in nodes.items()]
    for name, callback in zip(nodes, callbacks, strict=True):
        if isinstance(callback, Callback):
            check_state(callback, f"callbacks.{name}")

    first = meet(config, model)
    parent = Path(parent or config["output_dir"])
    made = missing_folders(parent)
    if first:
        run = run or Run.create(config, parent)
    try:
        run, last = of_first((run, run.last_checkpoint_of(model)) if first and run else None)
        board = make_board(config, run, last) if first else None
        callbacks += [ProgressBar()] if progress is None else progress
        trainer = make_trainer(config, run, board, callbacks)
    except Exception:
        if first and run:
            run.remove_if_empty(made)
        raise

    alone = run.alone() if first else nullcontext()
    recording: AbstractContextManager[dict[str, Any]] = recorded(run, config) if first else nullcontext({})
    with alone, errors_once(), recording as record, fast_products(model, config):
        if first:
            run.record_config(model.config)
        if board is not None:
            board.lay_out()
        try:
            trainer.fit(model, data, ckpt_path=last)
        except DivergedError as error:
            raise UserError(f"{error} {run.last_good()}") from error
        record |= speed_of(trainer)
        best = str(run.checkpoint("best"))
        trainer.validate(model, data, ckpt_path=best, verbose=False)
        validated = measured(trainer)
        trainer.test(model, data, ckpt_path=best, verbose=False)
        tested = measured(trainer)
        metrics = record["metrics"] = validated | tested
        if board is not None:
            # not those of validation: TensorBoard would show the last epoch's under their names
            board.conclude(hyperparameters(config), tested)
    return Trained(run, model.eval(), data, trainer, metrics)


def make_board(config: Config, run: Run, last: Path | None) -> TensorBoard | None:
    """The logger of the run, or None where the config has none.

    Args:
        last: the checkpoint that the run goes on from, if it does not begin anew; what was logged after it
            will be logged again.
    """
    if not config.get("logger"):
        return None
    board = make(config["logger"], "logger", save_dir=str(run.path))
    if not isinstance(board, TensorBoard):
        target = config["logger"]["_target_"]
        raise UserError(f"logger._target_={target} is no jlml.callbacks.TensorBoard. Derive from that.")
    if any(run.path.glob("events.out.tfevents.*")):
        board.forget_after(-1 if last is None else step_of(last))
    return board


def make_trainer(config: Config, run: Run, board: TensorBoard | None, chosen: Sequence[Any]) -> Trainer:
    """Lightning's trainer with what every run has: its speed, checkpoints, and pictures as chosen."""
    drawings = [callback for callback in chosen if isinstance(callback, Drawing)]
    others = [callback for callback in chosen if not isinstance(callback, Drawing)]
    others += [Termination()] if config["trainer"].get("strategy") == "ddp" else []
    trainer: Trainer = make(
        of_lightning(config["trainer"]),
        "trainer",
        logger=board or False,
        callbacks=[Throughput(), Heartbeat(), Gallery(drawings), *others, *watchers(config, run)],
        plugins=[WholeCheckpoints()],
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in others),
        default_root_dir=str(run.path),
    )
    return trainer


def check_optimizer(model: Autoencoder) -> None:
    """Raises a UserError if optimizer or scheduler refuse their options, which they do only when made."""
    try:
        model.configure_optimizers()
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise UserError(f"optimizer and scheduler cannot be made: {gist(error)}.") from error


def check_state(callback: Callback, key: str) -> None:
    """Refuses a callback whose state would make a checkpoint that no one can read again.

    Raises:
        UserError: naming its key.
    """
    content = BytesIO()
    try:
        torch.save(callback.state_dict(), content)
        content.seek(0)
        torch.load(content, weights_only=True)
    except Exception as error:  # pickling can fail in any way
        raise UserError(
            f"{key} keeps a state of more than tensors, numbers, words, lists and dicts, which no checkpoint "
            f"of jlml may hold ({gist(error)}). Make its state_dict() plain."
        ) from error


def speed_of(trainer: Trainer) -> dict[str, float | int]:
    """How long training took, and how fast its steps were."""
    (throughput,) = (callback for callback in trainer.callbacks if isinstance(callback, Throughput))  # type: ignore[attr-defined]
    return {
        "epochs": trainer.current_epoch,
        "fit_seconds": throughput.fit_seconds,
        "images_per_second": throughput.images / throughput.seconds,
    }


def measured(trainer: Trainer) -> dict[str, float]:
    """The metrics of the last validation or test."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def watchers(config: Config, run: Run) -> list[Callback]:
    """Keeps the best and the last checkpoint, and stops early if asked to."""
    folder = run.path / "checkpoints"
    best, last = BestCheckpoint(folder), LastCheckpoint(folder, **(config.get("checkpoints") or {}))
    patience = config.get("early_stopping")
    return [best, last] if patience is None else [Patience(patience), best, last]


@contextmanager
def recorded(run: Run, config: Config) -> Iterator[dict[str, Any]]:
    """Keeps `metrics.json` true: running at first, then finished, pruned, failed or interrupted.

    What the caller puts into the record is written at the end.
    """
    handler = LogFile(run.path / "train.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("jlml")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    started = time.perf_counter()
    record: dict[str, Any] = {
        "status": "running",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": config["seed"],
        "data": config["data"]["name"],
        "choices": config["choices"],
        "changes": config["changes"],
        "versions": {"jlml": jlml.__version__} | {name: version(name) for name in PACKAGES},
        "git": git_revision(),
    }
    try:
        run.write_metrics(record)
        log.info("Choices %s, changes %s", config["choices"], config["changes"])
        with another_blamed():
            yield record
        record |= {"status": "finished", "wall_seconds": time.perf_counter() - started}
        run.write_metrics(record)
    except (KeyboardInterrupt, SystemExit) as end:
        record["status"] = "interrupted"
        log.info("Interrupted.")
        if isinstance(end, SystemExit) and isinstance(end.code, str):
            raise  # it says itself how to go on
        sys.exit(f"Interrupted. What there is of the run is in {run.path}.")
    except Pruned as pruned:
        record |= {"status": "pruned", "epochs": pruned.epochs}
        log.info("Pruned after %s epochs.", pruned.epochs)
        raise
    except UserError as error:
        record |= {"status": "failed", "error": str(error)}
        log.info("Failed: %s", error)
        raise
    except OSError as error:
        unwritten = f"{error.filename or run.path} cannot be written: {error.strerror or error}."
        record |= {"status": "failed", "error": unwritten}
        log.info("Failed: %s", unwritten)
        raise UserError(f"{unwritten} What had been saved is whole. {go_on_with(run, config)}") from error
    except BaseException as error:
        record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        log.exception("Run %s failed.", run.path)
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):  # of a full disk more than enough is said
            handler.close()
            if record["status"] != "finished":
                run.write_metrics(record | {"wall_seconds": time.perf_counter() - started})


def go_on_with(run: Run, config: Config) -> str:
    """What to do where a run could not write."""
    if not (run.path / "config.yaml").is_file():
        return "Make room, and start again."
    words = [word("resume", str(run.path)), *trust_needed(config)]
    epochs = config["trainer"]["max_epochs"]
    if run.config(trust=True)["trainer"]["max_epochs"] != epochs:  # an extension that was not yet recorded
        words.append(word("trainer.max_epochs", str(epochs)))
    return f"Make room, then: {command('train.py', *words)}"


class LogFile(logging.FileHandler):
    """A log that is cut off where the disk is full, and says nothing of it: others will."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def hyperparameters(config: Config) -> dict[str, Any]:
    """The choices of a run for the HParams tab, which sorts them: what differs most comes first."""
    choices, data = config["choices"], config["data"]
    chosen: dict[str, Any] = {
        group: choices.get(group, "none") for group in ("loss", "model", "optimizer", "scheduler")
    }
    chosen |= {"data": data["name"], "pixels": data["pixels"], "seed": config["seed"]}
    chosen |= {"latent.dim": config["latent"]["dim"], "trainer.batch_size": data["batch_size"]}
    chosen |= {"trainer.max_epochs": config["trainer"]["max_epochs"]}
    chosen |= {"optimizer.lr": config["optimizer"]["lr"]} if "lr" in config["optimizer"] else {}
    for group in ("model", "loss"):  # their own dials: beta, hidden, scale, limit
        for key, value in config[group].items():
            if not isinstance(value, dict) and key != "_target_":
                chosen[f"{group}.{key}"] = value if isinstance(value, (int, float, str)) else shown(value)
    return chosen


def git_revision() -> str | None:
    """The commit of the code in use, marked when files differ from it; None outside a repository."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def quieten() -> None:
    """Silences what Lightning says to everyone, and stops it from asking for a GPU at every step."""
    # set by lightning on import; without a GPU each optimizer step then asks the driver again
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if getattr(rank_zero_only, "rank", 0) > 0:
        logging.getLogger("jlml").setLevel(logging.ERROR)  # of several processes one warns
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message="GPU available but not used")
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than the logging")
    warnings.filterwarnings("ignore", message="It is recommended to use `self.log")  # all have the same
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
