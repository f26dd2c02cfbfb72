"""Measures the effect of flushing denormal numbers, in alternating processes with and without it.

torch's worker threads take the setting when they start, so each measurement needs a new process. From the
second epoch on, many of Adam's first moments are denormal. Intel's processors are slow with them, AMD's are
not.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rows import Row

EPOCHS = 8
NETS = {
    "VAE 784-500-500-20, batch 128": ("model=vae", "latent.dim=20"),
    "MLP AE 1024-128-64-32-2, batch 128": ("model=ae", "model.norm=none", "data.image_size=32"),
}
BARE = """
import sys, time, json, torch
flush, epochs, *overrides = json.loads(sys.argv[1])
if flush:
    torch.set_flush_denormal(True)
from loops import Loop, in_memory, prepared
from jlml.runs import build_model
config, data = prepared((*overrides, "loss=bce"))
torch.manual_seed(0)
loop = Loop(build_model(config, data.image_shape), in_memory(data.train_images, data.batch_size))
started = time.perf_counter()
for _ in range(epochs):
    for _ in loop.epoch():
        pass
print(time.perf_counter() - started)
"""
JLML = """
import sys, json, tempfile, jlml
from pathlib import Path
flush, epochs, *overrides = json.loads(sys.argv[1])
options = (f"speed.flush_denormals={str(flush).lower()}", f"trainer.max_epochs={epochs}", "callbacks=none")
with tempfile.TemporaryDirectory() as folder:
    trained = jlml.train(*overrides, *options, "loss=bce", parent=Path(folder), progress=[])
    print(trained.run.metrics()["fit_seconds"])
"""


def seconds(program: str, flush: bool, overrides: tuple[str, ...]) -> float:
    """The duration that a program prints as its last output."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    given = json.dumps([flush, EPOCHS, *overrides])
    command = [sys.executable, "-c", program, given]
    return float(subprocess.check_output(command, env=environment, text=True).split()[-1])


def rows(repeats: int) -> Iterator[Row]:
    """The speed of training with flushed denormal numbers, relative to training without."""
    for net, overrides in NETS.items():
        for name, program in (("", JLML), ("  the bare loop", BARE)):
            ratios = []
            for _ in range(repeats):
                kept, flushed = (seconds(program, flush, overrides) for flush in (False, True))
                ratios.append(kept / flushed)
            note = f"{EPOCHS} epochs, kept / flushed"
            yield Row(name or f"flushing denormals, {net}", ratios, note=note)


GROUPS = {"denormals": rows}
