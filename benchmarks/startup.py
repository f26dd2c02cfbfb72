"""Measures the start-up of `train.py`, the time to load data, and the memory of a run.

Every command runs in a new process, in alternation with the command to compare with, so that a noisy machine
disturbs both equally. Needs full MNIST in JLML_DATA or data/, as gzipped IDX files.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from rows import Row

ROOT = Path(__file__).parent.parent

IMPORTS = "import os, sys\nfrom pathlib import Path\n"
# the minimum of every run: import its libraries and read its data
BASE = """
import lightning, torchvision
from jlml.data.idx import read_idx
from jlml.data.mnist import IDX_DATASETS
for name in IDX_DATASETS["mnist"].checksums:
    read_idx(Path(root, "MNIST", "raw", f"{name}.gz"))
"""
# train.py, up to its first optimizer step
FIRST_STEP = """
import runpy
class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "jlml.models.autoencoder":  # train.py has imported torch by now
            import torch
            torch.optim.Adam.step = lambda *_, **__: os._exit(0)
sys.meta_path.insert(0, Stop())
sys.argv = ["train.py", f"output_dir={folder}", f"data.root={root}"]
runpy.run_path("train.py", run_name="__main__")
"""
READ = """
from time import perf_counter
from jlml.data.mnist import load
started = perf_counter()
load("mnist", Path(root))
print(perf_counter() - started)
"""
# peak memory of the process in MB; getrusage would return the parent's if it is larger
PEAK = """
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
"""
# peak memory of a run after each epoch, and at the end
MEMORY = f"""{PEAK}
from lightning import Callback
import jlml
class Watch(Callback):
    def on_train_epoch_end(self, trainer, model):
        print(peak(), flush=True)
from jlml.speed.startup import importing
with importing():
    import jlml.training.train
jlml.train(f"data.root={{root}}", *overrides, parent=Path(folder), progress=[Watch()])
print(peak())
"""


def python(*arguments: str) -> tuple[float, str]:
    """The duration of a Python process in seconds, and its output."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = perf_counter()
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{arguments} failed: {ended.stderr[-2000:]}")
    return perf_counter() - started, ended.stdout


def script(text: str, overrides: tuple[str, ...] = ()) -> tuple[float, str]:
    """The same for a program that uses ``root``, ``folder`` and ``overrides``."""
    root = str(Path(os.environ.get("JLML_DATA", "data")).resolve())
    with tempfile.TemporaryDirectory() as folder:
        known = f"{IMPORTS}root, folder, overrides = {(root, folder, overrides)}\n"
        return python("-c", known + text)


def answers(repeats: int) -> Iterator[Row]:
    """The time of `--help` and `--cfg job`, relative to importing Hydra."""
    python("train.py", "--help")  # compiles edited files
    taken: dict[str, list[float]] = {}
    for _ in range(3 * repeats):  # short times are noisy
        alone = python("-c", "import hydra")[0]
        for flags in ("--help", "--cfg job"):
            taken.setdefault(flags, []).append(python("train.py", *flags.split())[0] / alone)
    for flags, values in taken.items():
        yield Row(f"train.py {flags} / import hydra", values, "x", "<= 3")


def first_step(repeats: int) -> Iterator[Row]:
    """The time of `train.py` until its first optimizer step, relative to imports and reading data."""
    ratios = []
    for _ in range(repeats):
        base = script(BASE)[0]
        ratios.append(script(FIRST_STEP)[0] / base)
    note = "with the first pictures"
    yield Row(
        "train.py to its first step / import lightning, torchvision and read", ratios, "x", "<= 1.25", note
    )


def data(repeats: int) -> Iterator[Row]:
    """The time to read and verify full MNIST, in seconds."""
    seconds = [float(script(READ)[1]) for _ in range(repeats)]
    yield Row("full MNIST from gzip, MD5 verified", seconds, "s", "<= 1")


def memory(repeats: int) -> Iterator[Row]:
    """The memory of a default run beyond its libraries, and of 200 epochs beyond that of ten, in MB."""
    bare = f"{PEAK}\nimport torch, lightning\nprint(peak())"
    long = ("data.subset=500", "trainer.max_epochs=200", "draw_every=5")
    above, growth = [], []
    for _ in range(repeats):
        *_, most = script(MEMORY, ("trainer.max_epochs=2",))[1].split()
        above.append(float(most) - float(script(bare)[1]))
        epochs = [float(value) for value in script(MEMORY, long)[1].split()[:200]]
        growth.append(epochs[199] - epochs[9])
    yield Row("peak of a default run above import torch, lightning", above, "MB", "<= 350", "two epochs")
    yield Row("peak after 200 epochs above that after 10", growth, "MB", "<= 20", "pictures every 5")


GROUPS = {"answers": answers, "first_step": first_step, "data": data, "memory": memory}
