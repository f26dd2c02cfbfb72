"""Creates a run folder and records the run in `config.yaml`, `metrics.json` and `train.log`."""

import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jlml
from jlml.config import Config, override, part_names, shown
from jlml.distributed.processes import broadcast_from_rank_zero
from jlml.errors import DivergedError, Stopped, UserError, first_line
from jlml.models import Autoencoder
from jlml.runs import Run, missing_folders, resume_command

log = logging.getLogger(__name__)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PACKAGES = ("torch", "lightning", "torchvision", "hydra-core", "numpy")


class Pruned(Exception):  # noqa: N818 - it is not an error
    """Raised by a callback to stop a run early. All results so far are saved."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"pruned after {epochs} epochs")
        self.epochs = epochs


@contextmanager
def run_folder(
    config: Config, model: Autoencoder, parent: Path | None, existing: Run | None, is_first: bool
) -> Iterator[tuple[Run, Path | None]]:
    """The run's folder, the same in all processes, and the checkpoint from which it resumes, if any.

    If an error occurs before anything was written, the folder is removed.

    Args:
        config: config of the run.
        model: untrained model, to check the checkpoint against.
        parent: folder for a new run folder; None for the config's ``output_dir``.
        existing: run to use instead of a new one.
        is_first: whether this process has rank zero; only rank zero writes.
    """
    parent = Path(parent or config["output_dir"])
    created = missing_folders(parent) if is_first else []
    run = existing or (Run.create(config, parent) if is_first else None)
    try:
        last = existing.checkpoint_to_resume(model, config) if existing and is_first else None
        run, last = broadcast_from_rank_zero((run, last))
        assert run is not None
        yield run, last
    except Exception:
        if is_first and run:
            run.remove_if_unused(created, is_new=existing is None)
        raise


@contextmanager
def recorded(run: Run, config: Config, fingerprint: str, is_first: bool) -> Iterator[dict[str, Any]]:
    """Locks the run folder, and records the run's status in `metrics.json`: running, then finished, pruned,
    failed or interrupted.

    Yields a dict. Its content is written to `metrics.json` at the end.
    """
    if not is_first:
        yield {}
        return
    with run.lock(), status_kept(run, config, fingerprint) as record:
        run.record_config(config)
        try:
            yield record
        except DivergedError as error:
            raise UserError(f"{error} {run.last_good()}") from error


@contextmanager
def status_kept(run: Run, config: Config, fingerprint: str) -> Iterator[dict[str, Any]]:
    """Writes the record at the start and at the end of the run, also after an error."""
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
        "data_fingerprint": fingerprint,
        "choices": config["choices"],
        "changes": config["changes"],
        "versions": {"jlml": jlml.__version__} | {name: version(name) for name in PACKAGES},
        "git": git_revision(),
    }
    try:
        run.write_metrics(record)
        log.info("Choices %s, changes %s", config["choices"], config["changes"])
        yield record
        record |= {"status": "finished", "wall_seconds": time.perf_counter() - started}
        run.write_metrics(record)
    except (KeyboardInterrupt, SystemExit) as end:
        record["status"] = "interrupted"
        log.info("Interrupted.")
        if isinstance(end, SystemExit) and isinstance(end.code, str):
            raise  # its message has the command to resume
        resume = resume_command(run.path, config)
        raise Stopped(f"Interrupted. Everything saved so far is kept. Resume with: {resume}") from None
    except Pruned as pruned:
        record |= {"status": "pruned", "epochs": pruned.epochs}
        log.info("Pruned after %s epochs.", pruned.epochs)
        raise
    except UserError as error:
        record |= {"status": "failed", "error": str(error)}
        log.info("Failed: %s", error)
        raise
    except ImportError as error:  # Lightning's callbacks import other packages when training starts
        message = f"A package is missing: {first_line(error)}."
        record |= {"status": "failed", "error": message}
        log.info("Failed: %s", message)
        raise UserError(message) from error
    except OSError as error:
        message = unwritten(run, config, error)
        record |= {"status": "failed", "error": message}
        log.info("Failed: %s", message)
        raise UserError(message) from error
    except BaseException as error:
        record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        log.exception("Run %s failed.", run.path)
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):  # a full disk is already reported
            handler.close()
            if record["status"] != "finished":
                run.write_metrics(record | {"wall_seconds": time.perf_counter() - started})


def unwritten(run: Run, config: Config, error: OSError) -> str:
    """What could not be written, and what the user can do."""
    if not run.path.is_dir():
        return (
            f"{run.path} was moved or deleted while training wrote to it. If you moved it, resume it from "
            "its new place: python train.py resume=<new folder>."
        )
    file = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else run.path
    remedy = "Free some disk space" if error.errno in FULL else "Make it writable"
    what = f"{file} cannot be written: {error.strerror or error}. Everything saved before is intact."
    if not (run.path / "config.yaml").is_file():
        return f"{what} {remedy}, and start again."
    overrides = []
    epochs = config["trainer"]["max_epochs"]
    if run.config(trust=True)["trainer"]["max_epochs"] != epochs:  # a larger number, not yet recorded
        overrides.append(override("trainer.max_epochs", str(epochs)))
    return f"{what} {remedy}, then resume with: {resume_command(run.path, config, *overrides)}"


class LogFile(logging.FileHandler):
    """A log file that ignores write errors, because a full disk is reported elsewhere."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def hyperparameters(config: Config) -> dict[str, Any]:
    """The choices of a run, for its loggers.

    Every run has the first seven, which TensorBoard's tab HParams shows at first: it drops a run that lacks a
    shown one.
    """
    names, data = part_names(config), config["data"]
    chosen: dict[str, Any] = {group: names.get(group, "none") for group in ("model", "loss")}
    chosen |= {"latent.dim": config["latent"]["dim"], "data": data["name"], "seed": config["seed"]}
    chosen |= {"data.batch_size": data["batch_size"]}
    chosen |= {"trainer.max_epochs": config["trainer"]["max_epochs"]}
    chosen |= {group: names.get(group, "none") for group in ("optimizer", "scheduler")}
    chosen |= {"data.pixels": data["pixels"]}
    chosen |= {"optimizer.lr": config["optimizer"]["lr"]} if "lr" in config["optimizer"] else {}
    for group in ("model", "loss"):  # for example beta, hidden, scale, limit
        for key, value in config[group].items():
            if not isinstance(value, dict) and key != "_target_":
                chosen[f"{group}.{key}"] = value if isinstance(value, (int, float, str)) else shown(value)
    texts = (config.get("name"), " ".join(config.get("tags") or []), config.get("note"))
    return chosen | {key: text for key, text in zip(("name", "tags", "note"), texts, strict=True) if text}


def git_revision() -> str | None:
    """The git commit of this code, with ``-dirty`` if files differ from it; None outside a repository."""
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
