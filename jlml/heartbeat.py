"""Signs of life: what a run at work writes into its folder, and whether another machine still does."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from jlml.files import read_json, write_whole

FILE = "progress.json"
SECONDS = 10  # between two beats at most, and what cannot be interrupted: a stretch, validation, pictures
SILENCE = 12 * SECONDS  # after which a run elsewhere counts as dead


def beat(folder: Path, epoch: int, epochs: int | None, step: int) -> None:
    """Writes how far a run has come, when, and which process said so."""
    content = {
        "epoch": epoch,
        "epochs": epochs,
        "step": step,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": gethostname(),
        "pid": os.getpid(),
    }
    write_whole(folder / FILE, json.dumps(content) + "\n")


def beats_elsewhere(folder: Path) -> bool:
    """Whether another machine, whose locks may not be seen here, has trained in this folder just now."""
    host = read_json(folder / FILE).get("host")
    if host is None or host == gethostname():
        return False
    return time.time() - (folder / FILE).stat().st_mtime < SILENCE
