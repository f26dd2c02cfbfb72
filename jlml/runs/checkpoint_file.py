"""Reads checkpoints safely. torch alone detects neither a flipped bit nor a file of another program."""

import stat
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch

from jlml.errors import UserError
from jlml.runs.upgrade import upgrade_checkpoint


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Loads a checkpoint of jlml to the CPU: tensors and plain containers, no code.

    A checkpoint is a zip archive with a CRC-32 per file, which `torch.load` does not check. Checking takes as
    long as loading: 6 ms for 15 MB. Checkpoints of earlier versions are upgraded.

    Raises:
        UserError: the file cannot be read, is damaged, or is not a checkpoint of jlml.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # ZipFile would block on a pipe
            raise UserError(f"{path} is not a file.")
        flaw = flaw_of(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    if flaw is not None:
        raise UserError(f"{path} is not a checkpoint, or is damaged: {flaw}. Put a good copy in its place.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the file is intact, so its content is not that of a checkpoint of jlml
        raise UserError(
            f"{path} is not a checkpoint of jlml: it contains more than tensors and plain containers, or was "
            "not written by torch. It is not loaded."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a checkpoint of jlml: it does not contain a dict.")
    try:
        return upgrade_checkpoint(content)
    except (LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a checkpoint of jlml: its loops are incomplete.") from error


def flaw_of(path: Path) -> str | None:
    """Describes the damage of a file from `torch.save`; None if it is intact."""
    if path.stat().st_size == 0:
        return "it is empty"
    try:
        with ZipFile(path) as archive:
            if any(entry.compress_type for entry in archive.infolist()):  # torch does not compress
                return "it is compressed"
            damaged = archive.testzip()
    except OSError:
        raise
    except Exception:  # a damaged file can make zipfile raise any error
        return "it is incomplete"
    return None if damaged is None else f"the checksum of its part {damaged} does not match"
