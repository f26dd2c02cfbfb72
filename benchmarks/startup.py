"""How long `train.py` takes to answer and to begin, how fast data is there, and how much memory a run takes.

Every command is a process of its own, beside the one that it is compared with, in turns, so that a noisy
machine disturbs both alike. Needs full MNIST under JLML_DATA or data/, as gzipped IDX files.
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
NO_CACHE = os.devnull  # a file, where a folder would be

IMPORTS = "import os, sys\nfrom pathlib import Path\n"
# what a run must do in any case: import its libraries and read its data
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
        if name == "jlml.models.base":  # torch is there by now, imported as train.py does it
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
# the most memory that a process has held in MB; getrusage would give the parent's, if that has held more
PEAK = """
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
"""
# the most memory that a run has held by the end, and by the end of each epoch
MEMORY = f"""{PEAK}
from lightning import Callback
import jlml
class Watch(Callback):
    def on_train_epoch_end(self, trainer, model):
        print(peak(), flush=True)
from jlml.cli import importing
with importing():
    import jlml.training
jlml.train(f"data.root={{root}}", *words, parent=Path(folder), progress=[Watch()])
print(peak())
"""


def python(*words: str, cache: str = NO_CACHE) -> tuple[float, str]:
    """Seconds that a Python process takes, and what it prints. Without a cache, unless one is named."""
    environment = os.environ | {"JLML_CACHE": cache, "PYTHONPATH": str(ROOT)}
    started = perf_counter()
    ended = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{words} failed: {ended.stderr[-2000:]}")
    return perf_counter() - started, ended.stdout


def script(text: str, words: tuple[str, ...] = (), cache: str = NO_CACHE) -> tuple[float, str]:
    """The same for a program of which ``root``, ``folder`` and ``words`` are known."""
    root = str(Path(os.environ.get("JLML_DATA", "data")).resolve())
    with tempfile.TemporaryDirectory() as folder:
        known = f"{IMPORTS}root, folder, words = {(root, folder, words)}\n"
        return python("-c", known + text, cache=cache)


def answers(repeats: int) -> Iterator[Row]:
    """What `--help` and `--cfg job` take, against the import of Hydra alone.

    An answer is kept until a config or Hydra changes; the first time, Hydra composes it.
    """
    python("train.py", "--help")  # compiles what was edited
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as cache:
        for words in ("--help", "--cfg job"):
            python("train.py", *words.split(), cache=cache)
        for _ in range(3 * repeats):  # they are short, and a short time is a noisy one
            alone = python("-c", "import hydra")[0]
            for words in ("--help", "--cfg job"):
                again, first = (python("train.py", *words.split(), cache=c)[0] for c in (cache, NO_CACHE))
                taken.setdefault(words, []).append(again / alone)
                taken.setdefault(f"{words} for the first time", []).append(first / alone)
    for words in ("--help", "--cfg job"):
        yield Row(f"train.py {words} / import hydra", taken[words], "x", "<= 1.3", "an answer that is kept")
        note = "the rest is Hydra composing the config"
        yield Row("  for the first time", taken[f"{words} for the first time"], "x", note=note)


def first_step(repeats: int) -> Iterator[Row]:
    """What `train.py` takes to its first optimizer step, against imports and unpacking."""
    ratios = []
    for _ in range(repeats):
        base = script(BASE)[0]
        ratios.append(script(FIRST_STEP)[0] / base)
    note = "without a cache of the data; with the first pictures"
    yield Row(
        "train.py to its first step / import lightning, torchvision and read", ratios, "x", "<= 1.25", note
    )


def data(repeats: int) -> Iterator[Row]:
    """Seconds until full MNIST is there, verified."""
    unpacked, cached = [], []
    with tempfile.TemporaryDirectory() as cache:
        script(READ, cache=cache)
        for _ in range(repeats):
            unpacked.append(float(script(READ)[1]))
            cached.append(float(script(READ, cache=cache)[1]))
    yield Row("full MNIST from gzip, MD5 verified", unpacked, "s", "<= 1")
    yield Row("full MNIST from the cache", cached, "s", "<= 0.1")


def memory(repeats: int) -> Iterator[Row]:
    """MB that a default run takes beyond its libraries, and that 200 epochs take beyond ten."""
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
