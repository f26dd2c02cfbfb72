"""Measures a sweep with sequential and with parallel jobs, in alternation.

    python benchmarks/sweeps.py --models ae vae --epochs 5

Prints one row per model: seconds of the sweep with the basic launcher, and the speed-up with
hydra/launcher=joblib as median (lowest to highest) over the repeats. The times are for complete commands:
start-up, data, training with default settings, and the answer at the end.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent


def seconds(model: str, launcher: str, jobs: int, epochs: int, overrides: list[str]) -> float:
    """The duration of a sweep over seeds, in seconds."""
    seeds = ",".join(map(str, range(jobs)))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "train.py",
            "-m",
            f"model={model}",
            f"seed={seeds}",
            f"output_dir={folder}",
        ]
        command += [f"trainer.max_epochs={epochs}", f"hydra/launcher={launcher}", *overrides]
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["ae", "vae", "conv_ae", "conv_vae"])
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "overrides", nargs="*", help="further overrides for train.py, for example data.subset=2000"
    )
    options = parser.parse_args()
    print(f"{options.jobs} jobs of {options.epochs} epochs, {options.repeats} repeats")
    print(f"{'model':<10} {'sequential':>18} {'speed-up in parallel':>24}")
    for model in options.models:
        basic, ratios = [], []
        for _ in range(options.repeats):
            alone, together = (
                seconds(model, launcher, options.jobs, options.epochs, options.overrides)
                for launcher in ("basic", "joblib")
            )
            basic.append(alone)
            ratios.append(alone / together)
        spread = f"x{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{model:<10} {median(basic):>16.0f} s {spread:>24}", flush=True)


if __name__ == "__main__":
    main()
