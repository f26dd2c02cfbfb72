"""The heartbeat of a run: progress.json, which shows that some machine is training it."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from jlml.files import read_json, write_atomically

FILE = "progress.json"
SECONDS = 10  # between two heartbeats; longer during validation and pictures
SILENCE = 12 * SECONDS  # without a heartbeat, after which a run on another machine counts as dead


def write_heartbeat(folder: Path, epoch: int, epochs: int | None, step: int) -> None:
    """Writes the progress of a run, with the time and the process."""
    content = {
        "epoch": epoch,
        "epochs": epochs,
        "step": step,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": gethostname(),
        "pid": os.getpid(),
    }
    write_atomically(folder / FILE, json.dumps(content) + "\n")


def is_trained_elsewhere(folder: Path) -> bool:
    """Whether another machine is training in this folder. Its locks may not be visible here."""
    host = read_json(folder / FILE).get("host")
    if host is None or host == gethostname():
        return False
    return time.time() - (folder / FILE).stat().st_mtime < SILENCE
