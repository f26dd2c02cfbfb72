"""Looks for leaks: trains 500 epochs with every callback at every epoch, and measures what grows.

`python benchmarks/soak.py` trains a VAE on 500 images, draws all pictures after each epoch, and writes
`outputs/soak.png` and `outputs/soak.json`: resident memory, open files and the size of the run folder per
epoch. Linux only.
"""

import argparse
import json
import os
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from lightning import Callback, LightningModule, Trainer
from matplotlib.figure import Figure
from training import Terminal

import jlml
from jlml.pictures.figures.canvas import as_png, rendered
from jlml.training.terminal import EpochLines

OUTPUTS = Path(__file__).parent.parent / "outputs"
OVERRIDES = (
    *("model=vae", "data.subset=500", "draw_every=1"),
    *("callbacks.projector.every=100", "scheduler=plateau"),
)
WARM_UP = 20  # epochs to ignore, in which everything is allocated for the first time


class Meter(Callback):
    """Measures memory, open files and the size of the run folder after every epoch."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []
        self.open_files: list[int] = []
        self.folder: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        for logger in trainer.loggers:
            logger.finalize("")  # its thread opens the event file for each write
        self.open_files.append(len(list(Path("/proc/self/fd").iterdir())))
        files = Path(trainer.default_root_dir).rglob("*")
        self.folder.append(sum(path.stat().st_size for path in files if path.is_file()) / 1e6)


def main() -> None:
    """Trains, prints the growth, and writes a plot and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=OUTPUTS, help="for soak.png and soak.json")
    parser.add_argument("overrides", nargs="*", help="further overrides for train.py")
    options = parser.parse_args()
    overrides = (*OVERRIDES, f"trainer.max_epochs={options.epochs}", *options.overrides)
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(Terminal()):
        jlml.train(*overrides, parent=Path(folder), progress=[EpochLines(), meter])
    measured = {
        "resident memory (MB)": meter.megabytes,
        "open files": meter.open_files,
        "run folder (MB)": meter.folder,
    }
    slopes = {name: slope(values) for name, values in measured.items()}
    for name, values in measured.items():
        print(
            f"{name:22} {values[WARM_UP]:8.1f} after {WARM_UP + 1} epochs, {values[-1]:8.1f} at the end, "
            f"{slopes[name]:+z.4f} per epoch"
        )
    (options.folder / "soak.json").write_text(json.dumps({"overrides": overrides, **measured}) + "\n")
    (options.folder / "soak.png").write_bytes(as_png(drawn(measured, slopes)))


def slope(values: list[float] | list[int]) -> float:
    """The growth per epoch: slope of a straight line fitted to the values after the warm-up."""
    later = values[WARM_UP:]
    return float(np.polyfit(range(len(later)), later, 1)[0])


def drawn(measured: dict[str, list[float]], slopes: dict[str, float]) -> np.ndarray:
    """The plot, with a panel per quantity."""
    figure = Figure(figsize=(12, 3.6), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(measured))
    for axes, (name, values) in zip(panels, measured.items(), strict=True):
        axes.plot(range(1, len(values) + 1), values)
        axes.set(xlabel="epoch", ylabel=name, ylim=(0, 1.15 * max(values)))
        axes.set_title(f"{slopes[name]:+z.3f} per epoch after the first {WARM_UP}", fontsize="medium")
        axes.grid(alpha=0.3)
    figure.suptitle("A VAE on 500 images, every callback at every epoch")
    return rendered(figure)


if __name__ == "__main__":
    main()
