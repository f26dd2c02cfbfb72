"""The heartbeat of a run: its progress, written while it trains, and whether another machine trains it."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from jlml.files import read_json, write_atomically

FILE = "progress.json"
SECONDS = 10  # between two beats, plus what cannot be interrupted: validation, pictures
SILENCE = 12 * SECONDS  # after which a run on another machine counts as dead


def beat(folder: Path, epoch: int, epochs: int | None, step: int) -> None:
    """Writes how far a run has come, when, and in which process."""
    content = {
        "epoch": epoch,
        "epochs": epochs,
        "step": step,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": gethostname(),
        "pid": os.getpid(),
    }
    write_atomically(folder / FILE, json.dumps(content) + "\n")


def beats_elsewhere(folder: Path) -> bool:
    """Whether another machine, whose locks may not be visible here, has just trained in this folder."""
    host = read_json(folder / FILE).get("host")
    if host is None or host == gethostname():
        return False
    return time.time() - (folder / FILE).stat().st_mtime < SILENCE
