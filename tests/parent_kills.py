"""Kills only the parent of joblib sweeps and ddp runs, at every half second of the start of the others.

`python tests/parent_kills.py` kills, looks for processes that are left, and resumes, again and again. It
prints a row per kill. It exits with 1 if a process is left, or if the runs differ in one bit from
uninterrupted ones. Linux only.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from same import differences

from jlml.runs import Run

ROOT = Path(__file__).parent.parent
SMALL = (
    "data=mnist_5k",
    "data.subset=200",
    "data.batch_size=50",
    "model=ae",
    "model.hidden=[16]",
    "model.norm=none",
)
SWEEP = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1", "sweep.name=it")
DDP = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
COMMANDS = {  # arguments of Python
    "joblib": ("train.py", *SWEEP, *SMALL),
    "ddp": ("train.py", *DDP, *SMALL),
    "torchrun": (*TORCHRUN, "train.py", *DDP, *SMALL),
}
PATIENCE = 10.0  # seconds within which all processes must have ended


class Command:
    """A command in a new process. A variable in the environment marks all processes that it starts."""

    def __init__(self, *arguments: str) -> None:
        self.mark = uuid4().hex
        self.parent = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "STARTED_BY": self.mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def processes(self) -> dict[int, bytes]:
        """The command lines of its running processes by their ids."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if f"STARTED_BY={self.mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes()
        return found

    def wait_for_others(self) -> None:
        """Waits until a second process has started, or the command has ended."""
        while len(set(self.processes().values())) == 1:  # a fork has its parent's command line for a moment
            time.sleep(0.02)

    def kill_parent(self) -> tuple[float, int]:
        """Kills the parent. Returns the seconds until all processes had ended, and how many had not."""
        self.parent.kill()
        self.parent.wait()
        killed = time.monotonic()
        while (left := self.processes()) and time.monotonic() - killed < PATIENCE:
            time.sleep(0.05)
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return time.monotonic() - killed, len(left)


def main() -> None:
    """Kills every requested command at every moment."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two moments")
    parser.add_argument("--until", type=float, default=12.0, help="seconds from the first to the last moment")
    parser.add_argument("--epochs", type=int, default=200, help="long enough to outlast the last moment")
    options = parser.parse_args()
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns where a run was resumed
    moments = [number * options.every for number in range(round(options.until / options.every) + 1)]
    print(f"{'command':8}{'killed at':>12}{'of others':>12}{'processes':>11}{'ended after':>13}{'left':>6}")
    broken = False
    for name in options.commands:
        arguments = (*COMMANDS[name], f"trainer.max_epochs={options.epochs}")
        with tempfile.TemporaryDirectory() as folder:
            broken |= not survives(name, arguments, moments, Path(folder))
    sys.exit(broken)


def survives(name: str, arguments: Sequence[str], moments: Iterable[float], folder: Path) -> bool:
    """Kills the parent at each moment after the others appear. Each command resumes what the last one left.

    Returns whether all processes ended, and the runs equal those of an uninterrupted command.
    """
    all_left = 0
    uninterrupted = Command(*arguments, f"output_dir={folder / 'uninterrupted'}")
    uninterrupted.parent.wait()
    for moment in moments:
        command, started = Command(*resumed(arguments, folder / "killed")), time.monotonic()
        command.wait_for_others()
        time.sleep(moment)
        age = time.monotonic() - started
        number = len(command.processes())  # 0 if the command has already ended
        seconds, left = command.kill_parent()
        all_left += left
        print(f"{name:8}{age:10.1f} s{moment:10.1f} s{number:11}{seconds:11.1f} s{left:6}", flush=True)
    Command(*resumed(arguments, folder / "killed")).parent.wait()
    pairs = list(zip(runs_in(folder / "killed"), runs_in(folder / "uninterrupted"), strict=True))
    different = [each for pair in pairs for each in differences(*pair)]
    print(f"{name}: {len(pairs)} runs differ from uninterrupted ones in {different or 'nothing'}", flush=True)
    return bool(pairs) and not all_left and not different


def resumed(arguments: Sequence[str], folder: Path) -> Sequence[str]:
    """The arguments that resume what is in a folder. For a sweep they are the same."""
    runs = [] if "sweep.name=it" in arguments else runs_in(folder)
    if runs:
        return [*arguments[: arguments.index("train.py") + 1], f"resume={runs[0].path}"]
    return [*arguments, f"output_dir={folder}"]


def runs_in(folder: Path) -> list[Run]:
    """The runs in a folder that can be resumed, in the order of their names."""
    return [Run.open(config.parent) for config in sorted(folder.rglob("config.yaml"))]


if __name__ == "__main__":
    main()
